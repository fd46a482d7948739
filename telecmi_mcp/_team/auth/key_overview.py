"""Lists the valid access keys with their last use and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from telecmi_mcp._team.db.database import Connection

MAX_LISTED_KEYS: Final = 200
"""Maximum number of keys that are listed."""

_ISSUED = "telecmi_mcp.issued_key"
_WITHOUT_ENDS = "(SELECT *, NULL::timestamptz AS ends_at FROM telecmi_mcp.access_key)"
_VALID = """
    SELECT name, extract(epoch FROM now() - last_used_at)::float8, extract(epoch FROM ends_at - now())::float8,
        count(*) OVER ()
    FROM {keys} AS key WHERE revoked_at IS NULL AND (ends_at IS NULL OR ends_at > now())
"""
_LAST_USED = f"{_VALID} ORDER BY last_used_at DESC NULLS LAST, name LIMIT %s"
_ENDING = f"{_VALID} AND ends_at <= now() + interval '14 days' ORDER BY ends_at, name LIMIT %s"


class KeyUse(NamedTuple):
    """A valid access key.

    Attributes:
        name: The caller.
        unused_s: Seconds since it was used last; ``None`` for never.
        remaining_s: Seconds until its end; ``None`` for no end.
    """

    name: str
    unused_s: float | None
    remaining_s: float | None


def last_used_keys(connection: Connection) -> tuple[list[KeyUse], int]:
    """Return the keys that were used last, the last one first, and how many valid ones there are."""
    return _ask(connection, _LAST_USED)


def ending_keys(connection: Connection) -> tuple[list[KeyUse], int]:
    """Return the keys that end within 14 days, the first to end first, and how many there are."""
    return _ask(connection, _ENDING)


def _ask(connection: Connection, sql: str) -> tuple[list[KeyUse], int]:
    found = connection.execute(sql.format(keys=_table(connection)).encode(), (MAX_LISTED_KEYS,)).fetchall()
    return [KeyUse(*row[:-1]) for row in found], found[0][-1] if found else 0


def _table(connection: Connection) -> str:
    """Return what holds the keys: in the schema of an older version no key has an end."""
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (_ISSUED,)).fetchone()
    return _ISSUED if found and found[0] else _WITHOUT_ENDS
