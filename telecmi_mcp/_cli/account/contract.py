"""``telecmi-mcp check --contract``: finds out which forms TeleCMI's answers have, for a report in an issue."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telecmi_mcp._cli import prompts
from telecmi_mcp._cli.options import open_configured, read_settings
from telecmi_mcp._config import variables
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._doctor.contract import ContractReport

_ISSUE = "https://github.com/telecmi-mcp/telecmi-mcp/issues/new?template=contract.yml"


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Say what is sent, ask, send it, and print the report; return 1 if the check did not end as planned."""
    import anyio

    from telecmi_mcp._doctor.contract import describe_requests

    settings = read_settings(args, environ)
    if args.url is not None:
        raise ConfigurationError(hint="Use --contract without --url", fact="the report is about TeleCMI itself")
    service = _service(args, settings)
    print(describe_requests(service), file=sys.stderr)
    if not (args.sandbox or args.yes) and not prompts.confirm("Send them?"):
        print("Nothing was sent.", file=sys.stderr)
        return 1
    report = anyio.run(_check, args, settings, service)
    print(report.as_json() if args.json else report.as_markdown())
    print(f"\n{advise(report, is_sandbox=args.sandbox)}", file=sys.stderr)
    return 1 if report.stopped else 0


def advise(report: ContractReport, *, is_sandbox: bool) -> str:
    """Return what to do with a report."""
    if report.stopped == "token_rejected":
        return "TeleCMI rejects the token: run telecmi-mcp login, then this check again."
    if not report.calls:
        return "There was no answer: run telecmi-mcp check, which says why."
    if is_sandbox:
        return "This is a report about the sandbox, for a try: there is nothing to report."
    return f"To report it, paste the lines above into an issue: {_ISSUE}"


async def _check(args: argparse.Namespace, settings: Settings, service: str) -> ContractReport:
    from telecmi_mcp._doctor.contract import PAUSE_S, check_contract

    async with open_configured(args, settings) as app:
        return await check_contract(app, service=service, pause_s=0.0 if args.sandbox else PAUSE_S)


def _service(args: argparse.Namespace, settings: Settings) -> str:
    """Return what the report calls the service. The name of another host may be private."""
    if args.sandbox:
        return "the sandbox"
    default = variables.BASE_URL.default
    return str(urlsplit(default).hostname) if settings.base_url == default else "the host of TELECMI_BASE_URL"
