"""``telecmi-mcp check``: reports whether the server works here, and what to do if it does not."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from telecmi_mcp import __version__
from telecmi_mcp._cli.options import add_sandbox_flag, add_setting_flags, open_configured, read_settings
from telecmi_mcp._config import variables
from telecmi_mcp.errors import ConfigurationError, TelecmiError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telecmi_mcp._api.token_source import TokenInfo
    from telecmi_mcp._app import App
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._config.variables import Setting
    from telecmi_mcp._doctor import CheckResult, Reply

SUMMARY = "Say whether it works here, and if not, the one thing to do next."

_MARKS = {"good": ("✓", "ok"), "unknown": ("·", "? "), "doubtful": ("!", "! "), "bad": ("✗", "NO")}


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        findings: Everything that was looked at, in the order in which one thing stands on the other.
        settings: What each variable is set to; a secret only as "set" or "not set".
        sign_in: Where the token comes from, whose it is, its age and whether it is renewed, as far as known.
        answers: Whether TeleCMI answered; ``None`` if it was not asked.
        accepts_token: Whether it takes the token; ``None`` if that is not known.
        contacts: How many contacts the organisation has, as far as TeleCMI said so.
    """

    version: str = __version__
    findings: tuple[CheckResult, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    sign_in: dict[str, str | int | bool | None] = field(default_factory=dict)
    answers: bool | None = None
    accepts_token: bool | None = None
    contacts: int | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is in the way."""
        return all(finding.verdict != "bad" for finding in self.findings)

    @property
    def next_step(self) -> str:
        """The one thing to do: of the worst, what the others stand on; "" if there is nothing."""
        for verdict in ("bad", "doubtful", "unknown"):
            for finding in self.findings:
                if finding.verdict == verdict and finding.advice:
                    return finding.advice
        return ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser)
    add_sandbox_flag(parser)
    parser.add_argument("--json", action="store_true", help="Print one JSON object, for programs.")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Look at everything, ask TeleCMI for one contact, and say what to do."""
    report = replace(_examined(args, environ), settings=_described(args, environ))
    print(_as_json(report) if args.json else _screen(report))
    return 0 if report.ok else 1


def _examined(args: argparse.Namespace, environ: Mapping[str, str]) -> Report:
    import anyio

    from telecmi_mcp import _doctor

    try:
        settings = read_settings(args, environ)
    except ConfigurationError as error:
        unusable = _doctor.CheckResult("Settings", _doctor.Verdict.BAD, error.fact, f"{error.hint}.")
        return Report(findings=(unusable, _doctor.look_for_secrets(environ), _doctor.look_at_versions()))
    return anyio.run(_sandboxed if args.sandbox else _looked, args, settings, environ)


async def _sandboxed(args: argparse.Namespace, settings: Settings, _: Mapping[str, str]) -> Report:
    from telecmi_mcp import _doctor

    async with open_configured(args, settings) as app:
        reply = await _doctor.ask_telecmi(app)
        findings = (*_judged(app, reply), _doctor.look_at_versions())
        return _report(findings, reply, app)


async def _looked(args: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> Report:
    from telecmi_mcp import _doctor
    from telecmi_mcp._install.paths import Machine

    before = (
        _doctor.look_at_settings(environ),
        _doctor.look_for_secrets(environ),
        _doctor.look_at_proxy(settings.base_url),
        _doctor.look_at_certificates(environ),
    )
    door = await _doctor.probe_connection(settings.base_url)
    async with open_configured(args, settings) as app:
        reply = await _doctor.ask_telecmi(app)
        after = (
            _doctor.look_at_index(settings, await _owner(settings, app)),
            _doctor.look_at_clients(Machine.here(environ)),
            _doctor.look_at_versions(),
        )
        here = (_doctor.judge_connection(settings.base_url, door), _doctor.judge_clock(door))
        return _report((*before, *here, *_judged(app, reply), *after), reply, app)


async def _owner(settings: Settings, app: App) -> str:
    from telecmi_mcp._index.account_directory import owner_of

    try:
        return await owner_of(settings.base_url, app.tokens)
    except TelecmiError:
        return ""  # nobody is signed in, which is told by another finding


def _judged(app: App, reply: Reply) -> tuple[CheckResult, ...]:
    from telecmi_mcp import _doctor

    return _doctor.judge_sign_in(app.tokens.origin, app.clock()), _doctor.judge_reply(reply)


def _report(findings: tuple[CheckResult, ...], reply: Reply, app: App) -> Report:
    return Report(
        findings=findings,
        sign_in=_facts(app.tokens.origin, app.clock()),
        answers=reply.answers,
        accepts_token=reply.accepts_token,
        contacts=reply.contacts,
    )


def _facts(origin: TokenInfo, now: float) -> dict[str, str | int | bool | None]:
    return {
        "source": origin.source,
        "user_id": origin.user_id,
        "issued_days_ago": origin.age_days(now),
        "renewal": origin.renewal,
    }


def _described(args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, str]:
    if args.sandbox:
        return {"sandbox": "invented contacts, in this process"}
    return {setting.variable: _value(setting, vars(args).get(setting.variable), environ) for setting in variables.ALL}


def _value(setting: Setting, flag: str | None, environ: Mapping[str, str]) -> str:
    if flag is not None:
        return f"{flag} ({setting.flag})"
    if not variables.is_set(environ, setting):
        return f"{setting.default} (default)" if setting.default else "not set"
    return "set" if setting.secret else environ[setting.variable].strip()


def _as_json(report: Report) -> str:
    return json.dumps({"ok": report.ok, "next": report.next_step, **asdict(report)})


def _screen(report: Report) -> str:
    marks = {verdict: pair[0 if _can_print(pair[0]) else 1] for verdict, pair in _MARKS.items()}
    lines = [f"  {marks[finding.verdict]} {finding.about:<13} {finding.says}" for finding in report.findings]
    return "\n".join([f"telecmi-mcp {report.version}", "", *lines, "", _closing(report)])


def _closing(report: Report) -> str:
    if report.next_step:
        return f"Next: {report.next_step}"
    return "All is well." if report.ok else "Next: see the lines above."


def _can_print(mark: str) -> bool:
    try:
        mark.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
