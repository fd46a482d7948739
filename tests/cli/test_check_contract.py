"""Tests what ``telecmi-mcp check --contract`` says before it sends anything, and what it prints."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, TypeAlias

import pytest

from e2e.lines import environment
from paths import ROOT
from telecmi_mcp._cli import main
from telecmi_mcp._cli.account import contract
from telecmi_mcp._doctor.contract import MAX_REQUESTS, ContractReport
from telecmi_mcp.sandbox import SANDBOX_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

Result: TypeAlias = tuple[int, str, str]
Check: TypeAlias = "Callable[..., Result]"

CLOSED = {"TELECMI_BASE_URL": "http://127.0.0.1:9", "TELECMI_TOKEN": SANDBOX_TOKEN}
"""A port at which nothing listens."""


class Terminal(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Check:
    """Return a function that runs the command; it returns the exit code, stdout and stderr."""

    def check(*words: str, stdin: io.StringIO | None = None, **variables: str) -> Result:
        with monkeypatch.context() as patches:
            for name in os.environ.keys() - (environ := environment(**variables)).keys():
                patches.delenv(name)
            for name, value in environ.items():
                patches.setenv(name, value)
            patches.setattr("sys.stdin", stdin or io.StringIO())
            code = main(["check", "--contract", *words])
        return code, *capsys.readouterr()

    return check


def test_the_sandbox_needs_no_question_and_gets_a_report(check: Check) -> None:
    code, out, said = check("--sandbox")
    assert code == 0
    assert out.startswith("### TeleCMI contract report, version 1\n\ntelecmi-mcp ")
    assert "; the sandbox; 12 requests; complete\n" in out
    assert "| `last_page` | missing |" in out
    assert said.endswith("\nThis is a report about the sandbox, for a try: there is nothing to report.\n")


def test_the_json_is_one_object(check: Check) -> None:
    code, out, _ = check("--sandbox", "--json")
    report = json.loads(out)
    assert (code, report["service"], report["points"]["count"]) == (0, "the sandbox", "number")


def test_it_says_what_it_sends_before_it_asks(check: Check) -> None:
    code, out, said = check(stdin=Terminal("no\n"), **CLOSED)
    assert (code, out) == (1, "")
    assert f"at most {MAX_REQUESTS} requests to the host of TELECMI_BASE_URL, one at a time, with 1 s between" in said
    for request in ("first_page", "known_id", "unknown_id", "malformed_id", "large_limit", "invalid_cursor", "limit_1"):
        assert f"\n  {request}: " in said
    assert said.endswith("Send them? [y/N] Nothing was sent.\n")


def test_the_documented_host_is_named(check: Check) -> None:
    assert "requests to rest.telecmi.com, " in check(stdin=Terminal(""))[2]


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yeah\n"])
def test_only_yes_is_yes(check: Check, answer: str) -> None:
    assert check(stdin=Terminal(answer), **CLOSED)[2].endswith("Nothing was sent.\n")


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_yes_at_the_terminal_sends(check: Check, answer: str) -> None:
    code, out, _ = check(stdin=Terminal(answer), **CLOSED)
    assert code == 1
    assert "1 request; stopped: no_usable_answer (unreachable)" in out


def test_without_a_terminal_it_says_what_it_would_send_and_sends_nothing(check: Check) -> None:
    code, out, said = check(**CLOSED)
    assert (code, out) == (2, "")
    assert "\n  first_page: " in said
    assert said.endswith("telecmi-mcp: Pass --yes to go on without a question: there is no terminal to ask.\n")


def test_yes_as_a_flag_needs_no_terminal(check: Check) -> None:
    code, out, said = check("--yes", **CLOSED)
    assert code == 1
    assert "no_usable_answer (unreachable)" in out
    assert said.endswith("\nThere was no answer: run telecmi-mcp check, which says why.\n")
    assert SANDBOX_TOKEN not in out + said


def test_without_a_sign_in_it_says_what_to_do(check: Check) -> None:
    code, out, said = check("--yes", TELECMI_BASE_URL="http://127.0.0.1:9")
    assert (code, out) == (4, "")
    assert "telecmi-mcp login" in said


@pytest.mark.parametrize(
    ("stopped", "advice"),
    [
        ("", "To report it, paste the lines above into an issue: https://"),
        ("throttled", "To report it, paste the lines above into an issue: https://"),
        ("token_rejected", "TeleCMI rejects the token: run telecmi-mcp login, then this check again."),
    ],
)
def test_the_advice_fits_the_end_of_the_check(stopped: str, advice: str) -> None:
    report = ContractReport("rest.telecmi.com", 1, stopped, calls=({"request": "first_page"},))
    assert contract.advise(report, is_sandbox=False).startswith(advice)


def test_the_form_for_reports_is_there() -> None:
    report = ContractReport("rest.telecmi.com", 1, "", calls=({"request": "first_page"},))
    form = contract.advise(report, is_sandbox=False).rpartition("template=")[2]
    assert (ROOT / ".github" / "ISSUE_TEMPLATE" / form).is_file()


def test_yes_alone_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--sandbox", "--yes"]) == 2
    assert capsys.readouterr().err == "telecmi-mcp: Use --yes with --contract only: the other checks ask nothing.\n"


def test_the_address_of_a_team_server_is_refused(check: Check) -> None:
    code, _, said = check("--yes", "--url", "https://team.example/mcp", **CLOSED)
    assert code == 2
    assert said == "telecmi-mcp: Use --contract without --url: the report is about TeleCMI itself.\n"
