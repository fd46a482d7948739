"""``telecmi-mcp check``: checks that the server works here, and prints what to do if it does not."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from telecmi_mcp import __version__
from telecmi_mcp._cli.findings import finding_line
from telecmi_mcp._cli.options import (
    add_sandbox_flag,
    add_setting_flags,
    open_configured,
    read_settings,
    read_values,
    with_flags,
)
from telecmi_mcp._cli.wording import address_person, carry_flags
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

SUMMARY = "Check that the server works on this computer, and name the next step if it does not."


@dataclass(frozen=True, slots=True)
class Report:
    """Result of all checks.

    Attributes:
        findings: Result of each check; a check follows those that it depends on.
        settings: Value of each variable; for a secret only "set" or "not set".
        sign_in: Source, user, age and renewal of the token, as far as known.
        answers: Whether TeleCMI answered; ``None`` if no request was sent.
        accepts_token: Whether TeleCMI accepts the token; ``None`` if that is not known.
        contacts: Number of contacts in the organisation; ``None`` if TeleCMI did not say.
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
        """Whether no check failed."""
        return all(finding.verdict != "bad" for finding in self.findings)

    @property
    def next_step(self) -> str:
        """The advice of the first check with the worst verdict; "" if no check has advice."""
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
    parser.add_argument("--url", help="Check the connection to the team server at this URL instead of TeleCMI.")
    parser.add_argument(
        "--contract",
        action="store_true",
        help="Find out which forms TeleCMI's answers have, and print a report without contacts for an issue. Says what "
        "it sends, and asks first.",
    )
    parser.add_argument("--yes", action="store_true", help="With --contract: send the requests without a question.")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run all checks, read one contact from TeleCMI, and print the results."""
    if args.contract:
        from telecmi_mcp._cli.account import contract

        return contract.run(args, environ)
    if args.yes:
        raise ConfigurationError(hint="Use --yes with --contract only", fact="the other checks ask nothing")
    report = _run_checks(args, environ)
    findings = tuple(_for_person(finding, args) for finding in report.findings)
    report = replace(report, findings=findings, settings=_describe_settings(args, environ))
    print(_as_json(report) if args.json else _as_text(report))
    return 0 if report.ok else 1


def _for_person(finding: CheckResult, args: argparse.Namespace) -> CheckResult:
    return replace(finding, advice=carry_flags(address_person(finding.advice), args))


def _run_checks(args: argparse.Namespace, environ: Mapping[str, str]) -> Report:
    import anyio

    from telecmi_mcp import _doctor

    try:
        settings = read_settings(args, environ)
    except ConfigurationError as error:
        unusable = _doctor.CheckResult("Settings", _doctor.Verdict.BAD, error.fact, f"{error.hint}.")
        return Report(findings=(unusable, _doctor.check_secrets(with_flags(args, environ)), _doctor.check_versions()))
    if args.url is not None:
        return anyio.run(_check_team_server, args, environ)
    return anyio.run(_check_sandbox if args.sandbox else _check_installation, args, settings, environ)


async def _check_team_server(args: argparse.Namespace, environ: Mapping[str, str]) -> Report:
    from telecmi_mcp import _doctor
    from telecmi_mcp._connect.access_keys import AccessKeys
    from telecmi_mcp._connect.endpoint import parse_endpoint
    from telecmi_mcp._install.paths import Machine
    from telecmi_mcp._private_files import state_folder

    endpoint = parse_endpoint(args.url)
    findings = (
        _doctor.check_proxy(endpoint.url),
        _doctor.check_certificates(environ),
        _doctor.check_connection(endpoint.url, await _doctor.probe_connection(endpoint.url)),
        *await _doctor.check_team_server(endpoint, AccessKeys(state_folder())),
        _doctor.check_clients(Machine.here(environ)),
        _doctor.check_versions(),
    )
    return Report(findings=findings)


async def _check_sandbox(args: argparse.Namespace, settings: Settings, _: Mapping[str, str]) -> Report:
    from telecmi_mcp import _doctor

    async with open_configured(args, settings) as app:
        reply = await _doctor.call_telecmi(app)
        findings = (*_judged(app, reply), _doctor.check_versions())
        return _report(findings, reply, app)


async def _check_installation(args: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> Report:
    from telecmi_mcp import _doctor
    from telecmi_mcp._install.paths import Machine

    merged = with_flags(args, environ)
    before = (
        _doctor.check_settings(merged, {name for name, value in vars(args).items() if value is not None}),
        _doctor.check_secrets(merged),
        _doctor.check_proxy(settings.base_url),
        _doctor.check_certificates(environ),
    )
    probe = await _doctor.probe_connection(settings.base_url)
    async with open_configured(args, settings) as app:
        reply = await _doctor.call_telecmi(app)
        after = (
            _doctor.check_index(settings, await _owner(settings, app)),
            *_doctor.check_export_folder(settings),
            *_doctor.check_audit_file(settings),
            _doctor.check_clients(Machine.here(environ)),
            *_doctor.check_early_answers(read_values(args, environ)),
            _doctor.check_versions(),
        )
        here = (_doctor.check_connection(settings.base_url, probe), _doctor.check_clock(probe))
        return _report((*before, *here, *_judged(app, reply), *after), reply, app)


async def _owner(settings: Settings, app: App) -> str:
    from telecmi_mcp._index.account_directory import owner_of

    try:
        return await owner_of(settings.base_url, app.tokens, app.client.mask)
    except TelecmiError:
        return ""  # not signed in, which another check reports


def _judged(app: App, reply: Reply) -> tuple[CheckResult, ...]:
    from telecmi_mcp import _doctor

    info, now = app.tokens.origin, app.clock()
    return _doctor.check_sign_in(info, now), _doctor.check_reply(reply, info, now)


def _report(findings: tuple[CheckResult, ...], reply: Reply, app: App) -> Report:
    from telecmi_mcp import _doctor

    return Report(
        findings=_doctor.keep_first_cause(findings, reply.error),
        sign_in=_describe_sign_in(app.tokens.origin, app.clock()),
        answers=reply.answers,
        accepts_token=reply.accepts_token,
        contacts=reply.contacts,
    )


def _describe_sign_in(info: TokenInfo, now: float) -> dict[str, str | int | bool | None]:
    return {
        "source": info.source,
        "user_id": info.user_id,
        "issued_days_ago": info.age_days(now),
        "renewal": info.renewal,
    }


def _describe_settings(args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, str]:
    if args.sandbox:
        return {"sandbox": "invented contacts, in this process"}
    flags = vars(args)
    return {each.variable: _describe_value(each, flags.get(each.variable), environ) for each in variables.ALL}


def _describe_value(setting: Setting, flag: str | None, environ: Mapping[str, str]) -> str:
    if flag is not None:
        return f"{flag} ({setting.flag})"
    if not variables.is_set(environ, setting):
        return f"{setting.default} (default)" if setting.default else "not set"
    return "set" if setting.secret else environ[setting.variable].strip()


def _as_json(report: Report) -> str:
    return json.dumps({"ok": report.ok, "next": report.next_step, **asdict(report)})


def _as_text(report: Report) -> str:
    lines = [finding_line(finding) for finding in report.findings]
    return "\n".join([f"telecmi-mcp {report.version}", "", *lines, "", _last_line(report)])


def _last_line(report: Report) -> str:
    if report.next_step:
        return f"Next: {report.next_step}"
    return "No problems found." if report.ok else "Next: see the lines above."
