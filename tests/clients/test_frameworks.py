"""Agent frameworks with this server: what their model is shown of answers and errors, as docs/frameworks.md says it.

Each framework runs its own agent, in an environment of its own, against ``telecmi-mcp serve --sandbox``. A script is in
the model's place; see frameworks/script.py. No request leaves the machine: the proxies of the programs lead nowhere.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from clients.bench import CLIENTS, HERE, Bench, ended_well, needs_clients
from paths import ROOT
from schema_readers import OPENAI, OPENAI_STRICT, read
from telecmi_mcp._mcp.tools.registry import TOOLS

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.slow, needs_clients]

PROGRAMS = {
    "LangChain": ("mcp1", "langchain_agent.py"),
    "LlamaIndex": ("mcp2", "llama_index_agent.py"),
    "mcp-use": ("mcp1", "mcp_use_agent.py"),
    "OpenAI Agents SDK": ("mcp2", "openai_agent.py"),
    "Pydantic AI": ("mcp2", "pydantic_agent.py"),
}
JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
REFUSED = "Invalid contact_id: use a UUID, such as d3b07384-d113-4ec5-a5ae-be81d6e3c239."
NOT_FOUND = f"Check the id, or look the contact up with search_contacts: TeleCMI has no contact with the id {UNKNOWN}."
PAGE = ["list_contacts", {"limit": 10}]
CALLS = [
    PAGE,
    ["count_contacts", {}],
    *(["get_contact", {"contact_id": contact_id}] for contact_id in ("x", UNKNOWN, "x")),
]
ERRORS = [REFUSED, NOT_FOUND, REFUSED]
ANSWERS = len(CALLS) - len(ERRORS)
SETTINGS: dict[str, dict[str, str]] = {  # the fewest first
    "": {},
    "`TELECMI_TEXT=table`": {"TELECMI_TEXT": "table"},
    "`TELECMI_STRUCTURED=off`": {"TELECMI_STRUCTURED": "off"},
    "both settings": {"TELECMI_TEXT": "table", "TELECMI_STRUCTURED": "off"},
}
ADVICE = "advice"
ADVISED = {"LangChain", "Pydantic AI"}
NOWHERE = "http://127.0.0.1:9"
QUIET = {
    "MCP_USE_ANONYMIZED_TELEMETRY": "false",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    **dict.fromkeys(("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE),
}


@dataclass(frozen=True, slots=True)
class Run:
    """What a framework's model was shown, and the reports of the servers: by setting, and with the page's advice."""

    name: str
    version: str
    variants: Mapping[str, dict[str, Any]]
    reports: Mapping[str, list[dict[str, Any]]] = field(repr=False)

    @property
    def texts(self) -> list[str]:
        """What it was shown with the settings as they come."""
        shown: list[str] = self.variants[""]["texts"]
        return shown


@pytest.fixture(scope="module", params=PROGRAMS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    environment, program = PROGRAMS[request.param]
    advice = [ADVICE] if request.param in ADVISED else []
    benches = {name: Bench(tmp_path_factory.mktemp("bench")) for name in [*SETTINGS, *advice]}
    variants: dict[str, dict[str, Any]] = {
        name: {"server": benches[name].server("--sandbox", **settings), "calls": [PAGE] if name else CALLS}
        for name, settings in SETTINGS.items()
    }
    for name in advice:
        variants[name] = {"server": benches[name].server("--sandbox"), "calls": CALLS, "advised": True}
    python = CLIENTS / environment / "bin" / "python"
    words = (str(python), str(HERE / "frameworks" / program), json.dumps(variants))
    done = benches[""].run(*words, **QUIET)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])  # mcp-use writes its log before
    reports = {name: bench.reports() for name, bench in benches.items()}
    return Run(request.param, seen["version"], seen["variants"], reports)


def table(page: str, first_cell: str) -> list[list[str]]:
    """The rows of the table of a page whose head begins with this cell."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf8").split(f"\n| {first_cell} |", 1)[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def plain(text: str) -> str:
    """The text without the escapes of a program that shows it as a literal of its language."""
    return text.replace("\\t", "\t").replace("\\n", "\n")


def halves(run: Run) -> str:
    """Which halves of an answer the model was shown; the two differ once the text is a table."""
    shown = plain(run.variants["`TELECMI_TEXT=table`"]["texts"][0])
    text = "contact_id\tphone_no\t" in shown
    structured = bool(re.search(rf"""["']contact_id["']: ?["']{JOHN}""", shown))
    return {(True, False): "text", (False, True): "structured", (True, True): "both"}[text, structured]


def wording(run: Run) -> str:
    """What the first error looks like."""
    text = plain(run.texts[ANSWERS])
    if text == REFUSED:
        return "the sentence"
    count = text.count(REFUSED)
    times = "the sentence" if count == 1 else f"the sentence {count} times"
    return f"{times}, with a traceback" if "Traceback" in text else f"{times}, within the result"


def mark(run: Run) -> str:
    """How the first error differs from an answer."""
    text = run.texts[ANSWERS]
    if run.variants[""]["marks"][ANSWERS]:
        return '`status="error"`'
    if "is_error=True" in text:
        return "`is_error=True`"
    return '`{"error": ...}`' if text == json.dumps({"error": REFUSED}, separators=(",", ":")) else "no"


def ending(run: Run) -> str:
    """What becomes of a run whose last three calls are refused."""
    if not (ended := run.variants[""]["ended"]):
        assert len(run.texts) == len(CALLS)
        return "goes on"
    return f"ends at the {['first', 'second', 'third'][len(run.texts) - ANSWERS]}: `{ended}`"


def processes(run: Run) -> str:
    """How many servers the framework started for one conversation."""
    started = len(run.reports[""])
    if started == 1:
        return "one"
    assert started == len(CALLS) + 1  # and one for the list of tools
    return "one for each call"


def saving(run: Run) -> str:
    """The fewest settings with which a page of contacts is shortest, and its length compared with no setting."""
    lengths = {name: len(run.variants[name]["texts"][0]) for name in SETTINGS}
    best = min(lengths, key=lambda name: lengths[name])  # of equals the first, which has the fewest settings
    return f"{best}: {round(100 * lengths[best] / lengths[''])} %"


def test_the_page_says_what_a_model_is_shown(run: Run) -> None:
    (row,) = (row for row in table("frameworks.md", "framework") if row[0].startswith(f"{run.name} ("))
    observed = [halves(run), wording(run), mark(run), ending(run), processes(run), saving(run)]
    assert row[1:] == [run.version, *observed]


def test_a_model_gets_the_answers_and_the_sentences_of_all_errors(run: Run) -> None:
    _, total, *errors = map(plain, run.texts)
    assert all(JOHN in variant["texts"][0] for variant in run.variants.values())
    assert run.variants["`TELECMI_STRUCTURED=off`"]["texts"][0].count(JOHN) == 1
    assert re.search(r"""["']total["']: ?150\b""", total)
    for error, sentence in zip(errors, ERRORS, strict=False):  # a run may end before the last
        assert sentence in error


def test_the_servers_of_a_framework_end_well(run: Run) -> None:
    reports = [report for reports in run.reports.values() for report in reports]
    assert [report for report in reports if not ended_well(report)] == []


def test_the_advice_of_the_page_helps(run: Run) -> None:
    if run.name not in ADVISED:
        pytest.skip("the page has no advice about the set-up of this framework")
    advised = run.variants[ADVICE]
    assert len(run.reports[ADVICE]) == 1
    assert advised["ended"] == ""
    assert [sentence in text for text, sentence in zip(advised["texts"][ANSWERS:], ERRORS, strict=True)] == [True] * 3


def test_a_model_is_given_our_tools_and_with_mcp_use_the_prompts_and_the_status_too(run: Run) -> None:
    more = ["status", "find_contact", "prepare_call", "company_contacts"] if run.name == "mcp-use" else []
    assert run.variants[""]["tools"] == [*(tool.name for tool in TOOLS), *more]


def changes(schemas: list[dict[str, Any]]) -> str:
    """What a converter did to the schemas of our tools."""
    given = {tool.name: tool.input_schema for tool in TOOLS}
    removed: set[str] = set()
    required = False
    for schema in schemas:
        before, after = given[schema["name"]], schema["parameters"]
        removed |= keywords(before) - keywords(after)
        assert keywords(after) - keywords(before) <= {"required"}
        required |= after.get("required", []) != before.get("required", [])
    said = [*(["all required"] if required else []), *(f"no `{each}`" for each in sorted(removed))]
    return ", ".join(said) or "nothing"


def strict_tools(schemas: list[dict[str, Any]]) -> str:
    names = [schema["name"] for schema in schemas if schema["strict"]]
    return "all" if len(names) == len(TOOLS) else ", ".join(f"`{name}`" for name in names) or "none"


def keywords(schema: dict[str, Any]) -> set[str]:
    return {each.part for each in read(OPENAI, schema)}


def refused(schemas: list[dict[str, Any]]) -> str:
    """What OpenAI refuses of the strict ones."""
    strict = [schema["parameters"] for schema in schemas if schema["strict"]]
    found = {each.part for schema in strict for each in read(OPENAI_STRICT, schema) if each.verdict == "refuses"}
    return ", ".join(f"`{part}`" if re.fullmatch(r"\w+", part) else part for part in sorted(found)) or "nothing"


def test_the_page_says_what_the_converters_to_openais_form_do(run: Run) -> None:
    rows = [row for row in table("compatibility.md", "converter") if row[0].startswith(run.name)]
    assert rows == [
        [f"{run.name}, {mode}", run.version, strict_tools(schemas), changes(schemas), refused(schemas)]
        for mode, schemas in run.variants[""].get("schemas", {}).items()
    ]
