"""``telecmi-mcp team key add|rotate|list|revoke``: manages access keys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from telecmi_mcp._cli.team.database import opened_database
from telecmi_mcp._cli.team.key_values import duration, grace_time, words
from telecmi_mcp._cli.team.operations import add_operation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

    from pydantic import SecretStr

    from telecmi_mcp._cli.team.operations import AddParser
    from telecmi_mcp._team.auth.access_keys import KeyLimits
    from telecmi_mcp._team.auth.key_records import AccessKey

_HEADER = ("name", "key", "created", "last used", "end", "tools", "mask", "options")
_NEVER = "never"
_GRACE = "24h"
_DURATION = "90d|24h|30m"
_DAY_S = 86_400


def add_operations(add_parser: AddParser) -> None:
    """Add the operations on access keys."""
    summary = "Create, rotate, list and revoke access keys."
    parser = add_parser("key", help=summary, description=summary, allow_abbrev=False)
    add_parser = parser.add_subparsers(metavar="add|rotate|list|revoke", required=True, prog=parser.prog).add_parser
    add = add_operation(add_parser, "add", "Create the first key of a caller and print it once.", _add)
    add.add_argument("name", metavar="NAME")
    add.add_argument("--expires", metavar=_DURATION, help="Time until the key ends; by default it has no end.")
    add.add_argument("--tools", metavar="TOOLS", help="Tools that the key allows, with commas between; by default all.")
    add.add_argument("--mask", metavar="FIELDS", help="Fields of contacts that the key masks, with commas between.")
    add.add_argument(
        "--lookup-masked", action="store_true", help="Let the key ask for the whole value of a masked field."
    )
    rotate = add_operation(
        add_parser, "rotate", "Create a second key of a caller, with the limits of the first, which then ends.", _rotate
    )
    rotate.add_argument("name", metavar="NAME")
    rotate.add_argument(
        "--expires",
        metavar=f"{_DURATION}|{_NEVER}",
        help="Time until the new key ends; by default as long as the older key was made for.",
    )
    rotate.add_argument(
        "--grace",
        metavar=f"{_DURATION}|0",
        default=_GRACE,
        help=f"Time for which the older key remains valid; default: {_GRACE}.",
    )
    add_operation(add_parser, "list", "List the keys, when each was last used and when it ends.", _list)
    revoke = add_operation(add_parser, "revoke", "Revoke all keys of a caller, or one of them.", _revoke)
    revoke.add_argument("name", metavar="NAME")
    revoke.add_argument("--key", metavar="ID", default="", help="Revoke only the key with this id of key list.")


def _add(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._team.auth.access_keys import add_key

    limits = _limits(args)
    with opened_database(environ) as database:
        database.migrate()  # a key may be created before the server starts for the first time
        with database.connection() as connection:
            key = add_key(connection, args.name, limits)
    _print_key(key)
    return 0


def _limits(args: argparse.Namespace) -> KeyLimits:
    from telecmi_mcp._config.variables import MASKABLE
    from telecmi_mcp._mcp.tools.registry import TOOLS
    from telecmi_mcp._team.auth.access_keys import KeyLimits
    from telecmi_mcp._team.auth.callers import LOOKUP_MASKED

    return KeyLimits(
        None if args.expires is None else duration("--expires", args.expires),
        None if args.tools is None else words("--tools", args.tools, [tool.name for tool in TOOLS]),
        () if args.mask is None else words("--mask", args.mask, MASKABLE),
        (LOOKUP_MASKED,) if args.lookup_masked else (),
    )


def _rotate(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._team.auth.access_keys import REVOKED_AFTER_S, rotate_key

    is_endless = args.expires == _NEVER
    lifetime = None if is_endless or args.expires is None else duration("--expires", args.expires)
    grace = grace_time("--grace", args.grace)
    with opened_database(environ) as database:
        database.migrate()
        with database.connection() as connection:
            key, older = rotate_key(connection, args.name, grace=grace, lifetime=lifetime, is_endless=is_endless)
    _print_key(key)
    if not older.is_valid:
        _print_note(f"The key {older.key_id} had ended before.")
    elif grace:
        _print_note(f"The key {older.key_id} ends after {args.grace} at the latest.")
    else:
        seconds = f"{REVOKED_AFTER_S:.0f} seconds"
        _print_note(f"The key {older.key_id} has ended: every running server rejects it within {seconds}.")
    return 0


def _list(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._team.auth.key_records import all_keys

    with opened_database(environ) as database:
        database.require_schema()
        with database.connection() as connection:
            keys = all_keys(connection)
    if not keys:
        _print_note("There are no keys yet. Create one: telecmi-mcp team key add NAME")
        return 0
    rows = [_HEADER, *map(_row, keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if any(key.ends_soon for key in keys):
        _print_note("Some keys end soon. Replace each: telecmi-mcp team key rotate NAME")
    return 0


def _revoke(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._team.auth.access_keys import REVOKED_AFTER_S, revoke_key

    with opened_database(environ) as database:
        database.migrate()
        with database.connection() as connection:
            revoke_key(connection, args.name, args.key)
    print(f"Revoked. Every running server rejects it within {REVOKED_AFTER_S:.0f} seconds.")
    return 0


def _row(key: AccessKey) -> tuple[str, ...]:
    tools = "all" if key.tools is None else _listed(key.tools)
    dates = _time(key.created_at), _time(key.last_used_at), _end(key)
    return key.name, key.key_id, *dates, tools, _listed(key.mask), _listed(key.options)


def _end(key: AccessKey) -> str:
    """Say when a key ends or ended, and why: by its own end or because it was revoked."""
    if key.revoked_at is not None and (key.ends_at is None or key.revoked_at < key.ends_at):
        return f"revoked {_time(key.revoked_at)}"
    if not key.is_valid:
        return f"ended {_time(key.ends_at)}"
    soon = f" ({_remaining(key.remaining)})" if key.ends_soon and key.remaining else ""
    return f"{_time(key.ends_at)}{soon}"


def _remaining(time: timedelta) -> str:
    days = int(time.total_seconds() // _DAY_S)
    return "in less than a day" if not days else f"in {days} day{'' if days == 1 else 's'}"


def _listed(some: Iterable[str]) -> str:
    return ",".join(some) or "-"


def _time(moment: datetime | None) -> str:
    return moment.astimezone().isoformat(timespec="seconds") if moment else "-"


def _print_key(key: SecretStr) -> None:
    print(key.get_secret_value())  # alone on standard output, so that it can be redirected without being seen
    _print_note("The key is not shown again: only its hash is stored.")
    _print_note("Callers send it in the header Authorization: Bearer KEY.")


def _print_note(sentence: str) -> None:
    print(sentence, file=sys.stderr)
