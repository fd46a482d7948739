"""Other people's clients, as their users run them: processes, over stdio, in every protocol era that they speak.

They are installed by ``sh .ci/install-clients .judges/clients``; ``TELECMI_TEST_CLIENTS`` then names that folder. What
they saw is compared here; between each and the server stands a witness (witness.py), who knows how the server ended.
docs/compatibility.md has the table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from clients.bench import CLIENTS, HERE, Bench, Program, ended_well, needs_clients
from clients.stage import opened_stage
from telecmi_mcp import __version__
from telecmi_mcp._mcp.tools.registry import TOOLS
from telecmi_mcp.sandbox import SANDBOX_TOKEN, Quirks

if TYPE_CHECKING:
    from pathlib import Path

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
NAMES = [tool.name for tool in TOOLS]
DEMANDED = "no_such_field"
VERSIONS = {"legacy": "2025-11-25", "modern": "2026-07-28"}
GREETINGS = {"legacy": "initialize", "modern": "server/discover"}
REFUSED = "Invalid contact_id: use a UUID, such as d3b07384-d113-4ec5-a5ae-be81d6e3c239."
CIRCLE = "The list ends here: TeleCMI's cursor led back to an earlier page."

pytestmark = [pytest.mark.slow, needs_clients]


def typescript(sdk: str, era: str) -> Program:
    return Program(f"typescript-{sdk}", era, ("node", "typescript.mjs", sdk, era))


def fastmcp(era: str) -> Program:
    python = CLIENTS / "fastmcp" / "bin" / "python"
    return Program("fastmcp", era, (str(python), str(HERE / "fastmcp_client.py"), era))


PROGRAMS = [
    typescript("v1", "legacy"),
    typescript("v2", "legacy"),
    typescript("v2", "modern"),
    fastmcp("legacy"),
    fastmcp("modern"),
]


@dataclass(frozen=True, slots=True)
class Run:
    """What a program saw, and what the witnesses did."""

    era: str
    seen: dict[str, Any]
    reports: list[dict[str, Any]]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(scope="module", params=PROGRAMS, ids=str)
def on_sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Each program with ``telecmi-mcp serve --sandbox``."""
    bench = Bench(tmp_path_factory.mktemp("sandbox"))
    seen = bench.play(request.param, "sandbox", bench.server("--sandbox"))
    return Run(request.param.era, seen, bench.reports())


@pytest.fixture(scope="module", params=PROGRAMS, ids=str)
def on_stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Each program with a TeleCMI on loopback whose list runs in a circle."""
    bench = Bench(tmp_path_factory.mktemp("stage"))
    with opened_stage(Quirks(repeating_cursor="cycle")) as stage:
        seen = bench.play(request.param, "stage", bench.server(**signed_in(stage)), stage)
    return Run(request.param.era, seen, bench.reports())


def signed_in(stage: str) -> dict[str, str]:
    # Its own deadline must not end what the client is to end: only PATIENCE ends that.
    return {"TELECMI_BASE_URL": stage, "TELECMI_TOKEN": SANDBOX_TOKEN, "TELECMI_TIMEOUT": "600"}


def test_a_client_is_greeted_and_shown_the_tools(on_sandbox: Run) -> None:
    server = on_sandbox.seen["server"]
    assert (server["name"], server["version"]) == ("telecmi-mcp", __version__)
    assert on_sandbox.seen["tools"] == NAMES


def test_a_client_speaks_its_era(on_sandbox: Run) -> None:
    assert {version for report in on_sandbox.reports for version in report["versions"]} == {VERSIONS[on_sandbox.era]}
    asked = {method for report in on_sandbox.reports for method in report["methods"]}
    assert asked & {"initialize", "server/discover"} == {GREETINGS[on_sandbox.era]}


def test_a_client_comes_through_all_contacts_by_page_state(on_sandbox: Run) -> None:
    pages = on_sandbox.seen["pages"]
    assert [len(page["contacts"]) for page in pages] == [40, 40, 40, 30]
    assert len({contact["contact_id"] for page in pages for contact in page["contacts"]}) == 150


def test_a_client_gets_the_same_contact_in_both_halves(on_sandbox: Run) -> None:
    contact = on_sandbox.seen["contact"]
    assert contact["structured"] == on_sandbox.seen["pages"][0]["contacts"][0]
    assert json.loads(contact["text"]) == contact["structured"]
    assert contact["structured"]["contact_id"] == JOHN
    assert on_sandbox.seen.get("typed", "John") == contact["structured"]["first_name"]


def test_a_client_finds_a_contact(on_sandbox: Run) -> None:
    assert JOHN in [match["contact_id"] for match in on_sandbox.seen["found"]["structured"]["matches"]]


def test_a_client_is_refused_with_our_sentence(on_sandbox: Run) -> None:
    assert on_sandbox.seen["refused"] == {"isError": True, "structured": None, "text": REFUSED}


def test_a_client_that_closes_ends_the_server(on_sandbox: Run) -> None:
    assert all(map(ended_well, on_sandbox.reports)), on_sandbox.reports


def test_a_client_comes_out_of_a_circle_of_cursors(on_stage: Run) -> None:
    last = on_stage.seen["pages"][-1]
    assert (len(on_stage.seen["pages"]), last["has_more"], last["notice"]) == (3, False, CIRCLE)


def test_a_client_is_told_of_progress_before_the_answer(on_stage: Run) -> None:
    # The stage does not go on before it is.
    assert on_stage.seen["progress"][0] == [100, 150, "contacts read"]


def test_a_client_is_answered_while_another_call_waits(on_stage: Run) -> None:
    assert on_stage.seen["meanwhile"]["structured"]["contact_id"] == JOHN


def test_a_client_that_cancels_ends_the_call_down_to_telecmi(on_stage: Run) -> None:
    # Its program waited until the stage had seen the server hang up.
    assert on_stage.seen["outcome"] == "given up"
    assert on_stage.seen["after"] == on_stage.seen["meanwhile"]
    assert sum(report["methods"].count("notifications/cancelled") for report in on_stage.reports) == 1


def test_a_client_that_closes_after_a_cancellation_ends_the_server(on_stage: Run) -> None:
    assert all(map(ended_well, on_stage.reports)), on_stage.reports


@pytest.mark.parametrize(
    "program", [typescript("v1", "legacy"), typescript("v2", "modern"), fastmcp("modern")], ids=str
)
def test_a_client_holds_answers_against_the_output_schema(program: Program, bench: Bench) -> None:
    # So the answers that it took in the other tests do fit.
    seen = bench.play(program, "mismatch", bench.server("--sandbox", demanded=DEMANDED))
    assert seen["outcome"] == "refused"
    assert DEMANDED in seen["error"]


class Inspector:
    """The Inspector's command line: a process, and a server, for each call."""

    def __init__(self, bench: Bench, era: str) -> None:
        self.bench = bench
        self.era = era

    def ask(self, server: str, method: str, *more: str) -> tuple[dict[str, Any], int, str]:
        """Return the result, the exit code and what it has to complain of."""
        inspector = str(CLIENTS / "node_modules" / ".bin" / "mcp-inspector")
        done = self.bench.run(
            *("node", inspector, "--cli", server, "--protocol-era", self.era, "--format", "json"),
            *("--method", method, *more),
        )
        result: dict[str, Any] = json.loads(done.stdout)["result"] if done.stdout else {}
        return result, done.returncode, done.stderr

    def use(self, server: str, tool: str, *more: str, **arguments: Any) -> tuple[dict[str, Any], int, str]:
        """Call a tool."""
        given = ("--tool-name", tool, "--tool-args-json", json.dumps(arguments))
        return self.ask(server, "tools/call", *given, *more)


@pytest.fixture(params=VERSIONS)
def inspector(request: pytest.FixtureRequest, bench: Bench) -> Inspector:
    return Inspector(bench, request.param)


def test_the_inspector_has_nothing_against_the_schemas(inspector: Inspector) -> None:
    result, code, complaints = inspector.ask(inspector.bench.server("--sandbox"), "tools/list", "--strict")
    assert [tool["name"] for tool in result["tools"]] == NAMES
    assert (code, complaints) == (0, "")
    (report,) = inspector.bench.reports()
    assert report["versions"] == [VERSIONS[inspector.era]]
    assert ended_well(report), report


def test_the_inspector_pages_through_all_contacts_with_a_process_for_each_page(inspector: Inspector) -> None:
    with opened_stage(Quirks()) as stage:
        server = inspector.bench.server(**signed_in(stage))
        first, *_ = inspector.use(server, "list_contacts", limit=75)
        page_state = first["structuredContent"]["page_state"]
        second, *_ = inspector.use(server, "list_contacts", limit=75, page_state=page_state)
    contacts = [*first["structuredContent"]["contacts"], *second["structuredContent"]["contacts"]]
    assert len({contact["contact_id"] for contact in contacts}) == 150
    assert not second["structuredContent"]["has_more"]


def test_the_inspector_gets_an_error_as_one(inspector: Inspector) -> None:
    result, code, _ = inspector.use(inspector.bench.server("--sandbox"), "get_contact", contact_id="x")
    assert (result["isError"], code) == (True, 5)
    assert [part["text"] for part in result["content"]] == [REFUSED]


def test_the_inspector_calls_many_times_at_once(inspector: Inspector) -> None:
    load = ("--load", "--load-requests", "100", "--load-concurrency", "10")
    result, code, _ = inspector.use(inspector.bench.server("--sandbox"), "search_contacts", *load, query="John")
    assert (result["ok"], result["errorRate"], code) == (100, 0, 0)
    assert all(map(ended_well, inspector.bench.reports()))
