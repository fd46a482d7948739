"""``telecmi-mcp team check``: checks a team server from its machine, and names what to do for each fault."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from telecmi_mcp._cli.findings import finding_lines
from telecmi_mcp._cli.team.database import require_driver
from telecmi_mcp._cli.team.operations import add_operation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from telecmi_mcp._cli.team.operations import AddParser
    from telecmi_mcp._doctor import CheckResult
    from telecmi_mcp._team.checks.run import Results

_SUMMARY = (
    "Check the server's settings, database, issuer, public URL, TeleCMI and copies from its machine; change nothing."
)
_TO_DO = ("bad", "doubtful")


def add_operations(add_parser: AddParser) -> None:
    """Add the operation."""
    check = add_operation(add_parser, "check", _SUMMARY, _check)
    check.add_argument("--json", action="store_true", help="Print one JSON object, for programs.")


def _check(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    results = _run_checks(environ)
    to_do = [finding for finding in results.findings if finding.verdict in _TO_DO]
    print(_as_json(results, to_do) if args.json else _as_text(results, to_do))
    return 1 if to_do else 0


def _run_checks(environ: Mapping[str, str]) -> Results:
    import anyio

    from telecmi_mcp._doctor import CheckResult, Verdict
    from telecmi_mcp._private_files import state_folder
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp.errors import ConfigurationError

    require_driver()
    from telecmi_mcp._team.checks.run import Results, run_checks  # needs an extra

    try:
        settings = TeamSettings.from_env(environ)
    except ConfigurationError as error:
        return Results((CheckResult("Settings", Verdict.BAD, error.fact, f"{error.hint}."),))
    return anyio.run(run_checks, settings, state_folder())


def _as_json(results: Results, to_do: Sequence[CheckResult]) -> str:
    findings: list[dict[str, Any]] = [asdict(finding) for finding in results.findings]
    return json.dumps(
        {"ok": not to_do, "next": to_do[0].advice if to_do else "", "findings": findings, "copies": results.copies}
    )


def _as_text(results: Results, to_do: Sequence[CheckResult]) -> str:
    number = len(to_do)
    last = f"{number} thing{'' if number == 1 else 's'} to do." if to_do else "Nothing to do."
    return "\n".join([*map(finding_lines, results.findings), "", last])
