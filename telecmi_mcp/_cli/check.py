"""``telecmi-mcp check``: does the configuration work?"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from telecmi_mcp import __version__, _variables
from telecmi_mcp._cli._configuration import add_sandbox_flag, add_setting_flags, open_configured, read_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telecmi_mcp._app import App
    from telecmi_mcp._settings import Settings
    from telecmi_mcp._tokens import Origin
    from telecmi_mcp._variables import Setting

SUMMARY = "Say whether the configuration works."


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        settings: What each variable is set to; a secret only as "set" or "not set".
        sign_in: Where the token comes from, whose it is, its age and whether it is renewed, as far as known.
        answers: Whether TeleCMI answered; ``None`` if it was not asked.
        accepts_token: Whether it takes the token; ``None`` if that is not known.
        contacts: How many contacts the organisation has, as far as TeleCMI said so.
        problem: One sentence; "" if all is well.
    """

    version: str
    settings: dict[str, str] = field(default_factory=dict)
    sign_in: dict[str, str | int | bool | None] = field(default_factory=dict)
    answers: bool | None = None
    accepts_token: bool | None = None
    contacts: int | None = None
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether contacts can be read."""
        return not self.problem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser)
    add_sandbox_flag(parser)
    parser.add_argument("--json", action="store_true", help="Print one JSON object, for programs.")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Ask TeleCMI for one contact and say what happened."""
    import anyio  # noqa: PLC0415 - late, like all that --help does not need

    settings = read_settings(args, environ)
    report = anyio.run(_check, args, settings, _described(args, environ))
    print(json.dumps({"ok": report.ok, **asdict(report)}) if args.json else _screen(report))
    return 0 if report.ok else 1


async def _check(args: argparse.Namespace, settings: Settings, described: dict[str, str]) -> Report:
    async with open_configured(args, settings) as app:
        report = await _asked(app)
        return replace(report, settings=described, sign_in=_facts(app.tokens.origin, app.clock()))


async def _asked(app: App) -> Report:
    from telecmi_mcp import errors  # noqa: PLC0415 - late, like all that --help does not need

    try:
        page = await app.client.list_contacts(limit=1)
    except (errors.NotSignedIn, errors.StoreUnusable, errors.ConfigurationError) as error:
        return Report(__version__, problem=str(error))
    except errors.SignInError as error:
        return Report(__version__, answers=True, accepts_token=False, problem=str(error))
    except errors.NetworkError as error:
        return Report(__version__, answers=False, problem=str(error))
    except errors.TelecmiError as error:
        return Report(__version__, answers=True, problem=str(error))
    return Report(__version__, answers=True, accepts_token=True, contacts=page.count)


def _facts(origin: Origin, now: float) -> dict[str, str | int | bool | None]:
    return {
        "source": origin.source,
        "user_id": origin.user_id,
        "issued_days_ago": origin.age_days(now),
        "renewal": origin.renewal,
    }


def _described(args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, str]:
    if args.sandbox:
        return {"sandbox": "invented contacts, in this process"}
    return {setting.variable: _value(setting, vars(args).get(setting.variable), environ) for setting in _variables.ALL}


def _value(setting: Setting, flag: str | None, environ: Mapping[str, str]) -> str:
    if flag is not None:
        return f"{flag} ({setting.flag})"
    if not _variables.is_set(environ, setting):
        return f"{setting.default} (default)" if setting.default else "not set"
    return "set" if setting.secret else environ[setting.variable].strip()


def _screen(report: Report) -> str:
    lines = [f"telecmi-mcp {report.version}", ""]
    lines += [f"  {name:<22} {value}" for name, value in report.settings.items()]
    lines += [
        "",
        *(f"  {name:<22} {value}" for name, value in _told(report.sign_in)),
        "",
        f"  {_mark(report.answers)} TeleCMI answers",
        f"  {_mark(report.accepts_token)} It takes the token",
        f"  {_mark(report.contacts is not None or None)} Contacts: {_number(report.contacts)}",
        "",
        report.problem or "All is well.",
    ]
    return "\n".join(lines)


def _told(sign_in: dict[str, str | int | bool | None]) -> list[tuple[str, str]]:
    if not sign_in.get("source"):
        return [("Token", "none")]
    age = sign_in["issued_days_ago"]
    issued = "not known" if age is None else f"issued {age} {'day' if age == 1 else 'days'} ago; TeleCMI says 30 days"
    return [
        ("Token from", f"{sign_in['source']}{f', user {id_}' if (id_ := sign_in['user_id']) else ''}"),
        ("Age", issued),
        ("Renewal", "by itself" if sign_in["renewal"] else "not set up: a person has to sign in again"),
    ]


def _mark(outcome: bool | None) -> str:  # noqa: FBT001 - a mark says yes, no or not known
    return {True: "[ok]", False: "[no]", None: "[ ? ]"}[outcome].ljust(5)


def _number(contacts: int | None) -> str:
    return "not known" if contacts is None else f"{contacts:,}"
