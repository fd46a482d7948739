"""Tests the commands that print contacts and counts: each gives what its tool gives."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import anyio
import pytest
from httpx2 import ASGITransport

from conftest import SIGNED_IN, opened_desk
from e2e.lines import PATIENCE, environment
from paths import ROOT
from telecmi_mcp import App, _cli, open_app
from telecmi_mcp._cli import main
from telecmi_mcp._cli.contacts import filter_flags
from telecmi_mcp._cli.contacts.lookup_table import read_table
from telecmi_mcp._cli.contacts.table import next_page
from telecmi_mcp._cli.contacts.tool_call import call_tool
from telecmi_mcp._mcp.tools.count_contacts import COUNT_CONTACTS
from telecmi_mcp._mcp.tools.filters import FieldName
from telecmi_mcp._mcp.tools.search_contacts import SEARCH_CONTACTS
from telecmi_mcp._mcp.tools.tool import Answer, no_report
from telecmi_mcp._models import GroupBy
from telecmi_mcp.sandbox import create_sandbox, make_contacts

if TYPE_CHECKING:
    from pathlib import Path

    from telecmi_mcp._index.directory import Report

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
UNKNOWN = "00000000-0000-4000-8000-000000000000"

Run: TypeAlias = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command over the sandbox; return its exit code and the lines on stdout and stderr."""

    def run(*words: str) -> tuple[int, list[str], list[str]]:
        code = main([words[0], "--sandbox", *words[1:]])
        out, said = capsys.readouterr()
        return code, out.splitlines(), said.splitlines()

    return run


async def ask(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    async with opened_desk() as desk:
        return await desk.call(tool, **arguments)


@pytest.mark.parametrize(
    ("words", "tool", "arguments"),
    [
        (["search", "Priya", "Acme"], "search_contacts", {"query": "Priya Acme"}),
        (
            ["search", "--company", "acme", "--job-title", "engineer", "--limit", "1"],
            "search_contacts",
            {"company": "acme", "job_title": "engineer", "limit": 1},
        ),
        (
            ["search", "Grace", "--missing", "company", "job_title"],
            "search_contacts",
            {"query": "Grace", "missing": ["company", "job_title"]},
        ),
        (
            ["search", "--missing", "company", "--missing", "email_id"],
            "search_contacts",
            {"missing": ["company", "email_id"]},
        ),
        (["get", JOHN], "get_contact", {"contact_id": JOHN}),
        (["list"], "list_contacts", {}),
        (["list", "--limit", "3"], "list_contacts", {"limit": 3}),
        (["count"], "count_contacts", {}),
        (
            ["count", "--company", "acme", "--missing", "email_id", "--job-title", "manager"],
            "count_contacts",
            {"company": "acme", "missing": ["email_id"], "job_title": "manager"},
        ),
        (
            ["count", "--group-by", "company", "--min-count", "2", "--max-groups", "3"],
            "count_contacts",
            {"group_by": "company", "min_count": 2, "max_groups": 3},
        ),
    ],
)
def test_json_is_the_object_of_the_tool(run: Run, words: list[str], tool: str, arguments: dict[str, Any]) -> None:
    _, (line,), said = run(*words, "--json")
    shown, expected = json.loads(line), anyio.run(ask, tool, arguments)
    for data in (shown, expected):
        for varying in ("as_of", "notice", "page_state"):  # the time, and what is made of it
            data.pop(varying, None)
    assert shown == expected
    assert list(shown) == list(expected)
    assert said == []


def test_the_flags_take_the_values_that_the_tools_take() -> None:
    assert get_args(FieldName) == filter_flags._FIELDS
    assert list(get_args(GroupBy)) == COUNT_CONTACTS.input_schema["properties"]["group_by"]["enum"]


def test_the_examples_of_the_page_are_accepted_and_it_names_the_columns_of_a_lookup() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf8")
    examples = page.split("```sh\n")[1].split("```")[0].splitlines()
    shown = [shlex.split(line)[1:] for line in examples]
    assert [_cli.build_parser(words).parse_args(words).command for words in shown] == [words[0] for words in shown]
    described = page.split("| new column | |\n")[1].split("\n\n")[0]
    columns = [name for line in described.splitlines() for name in re.findall(r"`(\w+)`", line.split(" | ")[0])]
    assert columns == read_table(b"x").completed_header()[1:]


def test_a_search_by_filters_needs_no_words(run: Run) -> None:
    code, shown, said = run("search", "--company", "acme", "--job-title", "engineer")
    assert code == 0
    assert [line.split("  ")[0] for line in shown] == ["John Doe"]
    assert said == ["1 found.", "Companies: Acme Corp"]


def test_a_search_that_finds_nobody_says_so_and_returns_1(run: Run) -> None:
    code, shown, said = run("search", "--company", "Acme Corp", "--missing", "company")
    assert (code, shown) == (1, [])
    assert said[0].startswith("No contact matches among all 150, as of ")


def test_partial_matches_are_not_counted_as_found(run: Run) -> None:
    code, shown, said = run("search", "Priya", "Vrandelkis")
    assert code == 1
    assert all(line.startswith("partial ") for line in shown)
    assert [line.split(";")[0] for line in said] == ["No contact matches all of the words"]


def ids(lines: list[str]) -> list[str]:
    """Return the ids of a table; the widths of its columns depend on the page."""
    return [line.rpartition("  ")[2] for line in lines]


def test_the_pages_of_a_search_follow_one_another(run: Run, cache: Path) -> None:
    assert not cache.exists()
    _, first, said = run("search", "Priya", "--limit", "3", "--index", "disk")
    more = said[-1].removeprefix("There are more: ").split()
    _, second, said = run("search", "Priya", "--limit", "3", "--index", "disk", *more)
    _, whole, _ = run("search", "Priya")
    assert ids(first + second) == ids(whole)
    assert said == ["4 found."]


def test_the_pages_of_a_filter_follow_one_another_with_an_index_on_disk(run: Run, cache: Path) -> None:
    assert not cache.exists()
    _, first, said = run("search", "--missing", "company", "--index", "disk")
    more = said[-1].removeprefix("There are more: ").split()
    _, second, said = run("search", "--missing", "company", "--index", "disk", *more, "--limit", "100")
    assert (len(first), len(second), said[0]) == (10, 15, "25 found.")
    assert not {*first} & {*second}


def test_without_an_index_on_disk_the_page_state_of_a_filter_is_not_offered(run: Run) -> None:
    _, shown, said = run("search", "--missing", "company")
    assert len(shown) == 10
    assert said == [
        "25 found.",
        "There are more: pass --index disk, which can print the next pages, or a --limit of up to 100.",
    ]


def test_a_page_state_that_starts_with_a_hyphen_is_one_word() -> None:
    assert next_page("-a b") == "There are more: --page-state '-a b'"
    assert next_page("-ab") == "There are more: --page-state=-ab"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["search"], "Pass WORDS, --company, --job-title or --missing: there is nothing to search for."),
        (["search", " "], "Pass WORDS, --company, --job-title or --missing: there is nothing to search for."),
        (["search", "x" * 201], "Invalid query: use text of 1 to 200 characters."),
        (
            ["search", "x", "--page-state", "x"],
            "Omit --page-state, or pass it to telecmi-mcp list: it is not from telecmi-mcp search.",
        ),
        (["get", "7"], "Invalid contact_id: use a UUID, such as d3b07384-d113-4ec5-a5ae-be81d6e3c239."),
        (
            ["list", "--page-state", "s.x"],
            "Omit --page-state, or pass it to telecmi-mcp search: it is not from telecmi-mcp list.",
        ),
    ],
)
def test_wrong_usage_ends_in_one_sentence(run: Run, words: list[str], sentence: str) -> None:
    assert run(*words) == (2, [], [f"telecmi-mcp: {sentence}"])


@pytest.mark.parametrize(
    ("words", "accepted"),
    [
        (["search", "--limit", "101", "x"], "use a whole number from 1 to 100"),
        (["search", "--missing", "email", "--", "x"], "--missing is one of phone_no, first_name, last_name"),
        (["list", "--limit", "0"], "use a whole number from 1 to 100"),
        (["count", "--group-by", "city"], "--group-by is one of company, job_title"),
        (["count", "--min-count", "0"], "use a whole number from 1."),
        (["count", "--max-groups", "x"], "use a whole number from 1 to 100"),
    ],
)
def test_a_value_that_is_not_accepted_is_refused_with_those_that_are(
    words: list[str], accepted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert accepted in capsys.readouterr().err


def test_get_prints_the_fields_that_have_a_value(run: Run) -> None:
    code, shown, said = run("get", JOHN)
    assert (code, said) == (0, [])
    assert shown[:3] == [f"contact_id    {JOHN}", "phone_no      919200000000", "first_name    John"]
    code, shown, said = run("get", UNKNOWN)
    assert (code, shown) == (1, [])
    assert said[0].endswith(f"TeleCMI has no contact with the id {UNKNOWN}.")


def test_list_prints_every_contact_page_by_page(run: Run) -> None:
    code, shown, said = run("list", "--limit", "100")
    assert (code, len(shown), said[0]) == (0, 100, "100 of 150 contacts.")
    assert shown[0].startswith("John Doe  ")
    _, rest, said = run("list", "--limit", "100", *said[1].removeprefix("There are more: ").split())
    assert (len(rest), said) == (50, ["50 of 150 contacts."])


def test_count_prints_a_number_or_the_groups(run: Run) -> None:
    assert run("count") == (0, ["150"], [])
    assert run("count", "--company", "Acme Corp") == (0, ["4"], ["Companies: Acme Corp"])
    code, shown, said = run("count", "--group-by", "company", "--max-groups", "2")
    assert (code, shown) == (0, ["       7  Morvane Logistics Pvt Ltd", "       4  Acme Corp"])
    assert said == ["150 contacts; 79 more groups (--max-groups shows up to 100); 25 without a value."]


async def test_an_answer_that_needs_all_contacts_is_asked_for_again_when_they_are_read() -> None:
    assert await completeness(needs_all=True) == [False, True]
    assert await completeness(needs_all=False) == [False]
    assert await completeness(needs_all=True, index="off") == [False]


async def completeness(*, needs_all: bool, index: str = "memory") -> list[bool]:
    """Return whether each answer that a command got of a tool was complete; nothing is read before the first."""
    answers = []

    async def say_if_complete(app: App, _: object, __: Report) -> Answer:
        freshness = await app.directory.status_of(await app.account())
        answers.append(freshness is not None and freshness.complete)
        return Answer({"complete": answers[-1]})

    tool = replace(COUNT_CONTACTS, run=say_if_complete)
    transport = ASGITransport(app=create_sandbox())
    with anyio.fail_after(60):
        async with open_app(replace(SIGNED_IN, index=index), transport=transport) as app:
            data = await call_tool(app, tool, {}, needs_all=lambda _: needs_all)
    assert data == {"complete": answers[-1]}
    return answers


@pytest.mark.parametrize(
    ("words", "needs_all_contacts"),
    [
        (["search", "Priya", "Raman"], False),
        (["search", "zzkqwx"], True),
        (["search", "Grace", "--missing", "company"], True),
        (["count"], True),
        (["lookup", "-"], True),
    ],
)
def test_a_denial_a_filter_a_count_and_a_lookup_need_all_contacts(
    run: Run, words: list[str], *, needs_all_contacts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    finals = []

    async def ask_once(_: App, ask: Callable[[Report], Awaitable[Any]], *, is_final: Callable[[Any], bool]) -> Any:
        answer = await ask(no_report)
        finals.append(is_final(incomplete(answer)))
        return answer

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"name\nPriya Raman\n")))
    for module in ("lookup", "tool_call"):
        monkeypatch.setattr(f"telecmi_mcp._cli.contacts.{module}.ask_when_read", ask_once)
    run(*words)
    assert finals == [not needs_all_contacts]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("contacts", "index", "is_terminal", "is_offered"),
    [
        (1200, "memory", True, True),
        (1200, "disk", True, False),
        (1200, "memory", False, False),
        (150, "memory", True, False),
    ],
)
async def test_who_waits_at_a_terminal_for_many_contacts_sees_a_bar_and_how_to_keep_them(
    contacts: int,
    index: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_terminal: bool,
    is_offered: bool,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    transport = ASGITransport(app=create_sandbox(contacts=make_contacts(contacts)))
    with anyio.fail_after(PATIENCE):
        async with open_app(replace(SIGNED_IN, index=index), transport=transport) as app:
            await call_tool(app, SEARCH_CONTACTS, {"query": "zzkqwx"}, needs_all=lambda _: True)
    said = capsys.readouterr().err
    assert ("\r[" in said) is is_terminal
    assert ("To keep them on this computer, pass --index disk" in said) is is_offered


def incomplete(answer: Any) -> Any:
    """Return the same answer as if not all contacts had been read."""
    return {**answer, "complete": False} if isinstance(answer, dict) else replace(answer, complete=False)


@pytest.mark.parametrize("complete", [True, False])
def test_a_count_of_some_contacts_returns_1(run: Run, *, complete: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"total": 100, "complete": complete, "notice": "Only 100 contacts were read so far."}
    monkeypatch.setattr("telecmi_mcp._cli.contacts.count.run_tool", lambda *_, **__: data)
    assert run("count") == (0 if complete else 1, ["100"], ["Only 100 contacts were read so far."])


@pytest.mark.slow
def test_a_name_is_printed_in_any_encoding() -> None:
    table, whole = (
        subprocess.run(
            [sys.executable, "-m", "telecmi_mcp", "search", "--sandbox", "செந்தில்", *flags],
            capture_output=True,
            timeout=PATIENCE,
            check=True,
            env=environment(PYTHONUTF8="0", PYTHONIOENCODING="ascii"),
        ).stdout
        for flags in ([], ["--json"])
    )
    assert b"  ??????" in table
    assert "செந்தில்" in {match.get("first_name") for match in json.loads(whole)["matches"]}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports another error")
def test_a_reader_that_ends_early_ends_the_command_without_a_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as stdout:  # noqa: PTH123 - a descriptor
        done = subprocess.run(
            [sys.executable, "-m", "telecmi_mcp", "get", "--sandbox", JOHN],
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
            env=environment(),
        )
    assert (done.returncode, done.stderr) == (141, b"")
