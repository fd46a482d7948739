"""The oracle: which plan it takes, how it reads answers, and that it reaches every task of today's tools."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from evals.answers import as_contact, best, data_of, rows_of
from evals.book import make_book
from evals.claims import Claim, fact, nobody, number, person
from evals.oracle import attempt_all, lacking
from evals.plans import count, export, find, find_all, look_up, read_groups, say
from evals.report import judge
from evals.scorer import Call, Scorer, Truth
from evals.session import Session, open_session
from evals.task import Task
from evals.tasks import make_tasks
from evals.tokens import estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

ANYTHING = Truth(frozenset({person("a1")}))
EXACT = {"contact_id": "a1", "phone_no": "+91 1", "job_title": "NA", "match": "exact"}
FUZZY = {"contact_id": "a2", "match": "fuzzy"}
PARTIAL = {"contact_id": "a3", "match": "partial"}


class Scripted:
    """A session whose answers are given, and which records its calls."""

    def __init__(self, parameters: Mapping[str, list[str]], *answers: object, instructions: str = "") -> None:
        schemas = {tool: {"properties": dict.fromkeys(names)} for tool, names in parameters.items()}
        self.tools = {tool: SimpleNamespace(input_schema=schema) for tool, schema in schemas.items()}
        self.instructions = instructions
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._answers = [*answers]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Call:
        self.calls.append((tool, arguments))
        answer = self._answers.pop(0)
        is_error = isinstance(answer, str)
        return Call(tool, arguments, str(answer) if is_error else json.dumps(answer), is_error=is_error)

    @property
    def session(self) -> Session:
        return cast("Session", self)


def a_task(*plans: Any) -> Task:
    return Task("direct-1", "sales", "?", ANYTHING, plans)


async def test_the_first_plan_is_taken_whose_tools_and_parameters_the_server_has() -> None:
    plans = look_up(["Asha", "Ravi"])
    later = Scripted({"lookup_contacts": ["queries"], "search_contacts": ["query", "limit"]}, {"results": []})
    await attempt_all([a_task(*plans)], later.session)
    assert later.calls == [("lookup_contacts", {"queries": ["Asha", "Ravi"]})]
    today = Scripted({"search_contacts": ["query", "limit"]}, {"matches": [EXACT]}, {"matches": [PARTIAL]})
    (attempt,) = await attempt_all([a_task(*plans)], today.session)
    assert attempt.claims == (person("a1"), nobody("Ravi"))


@pytest.mark.parametrize(
    ("plan", "lacks"),
    [
        (find("Asha"), ""),
        (find_all(limit=5, company="Acme"), "company of search_contacts"),
        (count(), "count_contacts"),
        (export("csv"), "export_contacts"),
        (say(Claim("file"), instructions="telecmi-mcp export"), '"telecmi-mcp export" in the instructions'),
        (say(Claim("cannot")), ""),
    ],
)
async def test_a_plan_that_the_server_cannot_carry_out_is_left_out(plan: Any, lacks: str) -> None:
    server = Scripted({"search_contacts": ["query", "limit"]}, {"matches": []}, instructions="Search first.")
    assert lacking(plan, server.session) == lacks
    (attempt,) = await attempt_all([a_task(plan)], server.session)
    assert attempt.needs == lacks
    assert bool(server.calls) == (plan.steps != () and not lacks)


async def test_pages_are_followed_to_the_end() -> None:
    pages = [{"matches": [EXACT], "has_more": True, "page_state": "s.1"}, {"matches": [FUZZY], "has_more": False}]
    server = Scripted({"search_contacts": ["company", "limit", "page_state"]}, *pages)
    (attempt,) = await attempt_all([a_task(find_all(limit=100, company="Acme", is_paged=True))], server.session)
    assert attempt.claims == (person("a1"), person("a2"))
    assert [arguments.get("page_state") for _, arguments in server.calls] == [None, "s.1"]


async def test_a_plan_may_keep_some_of_the_contacts_that_it_reads() -> None:
    server = Scripted(
        {"search_contacts": ["company", "limit"]}, {"matches": [{"contact_id": "a1"}, {"contact_id": "a2"}]}
    )
    plan = find_all(limit=2, company="Acme", keep=lambda row: row["contact_id"] == "a2")
    (attempt,) = await attempt_all([a_task(plan)], server.session)
    assert attempt.claims == (person("a2"),)


async def test_an_error_is_no_answer() -> None:
    server = Scripted({"search_contacts": ["query", "limit"]}, "Missing query.")
    (attempt,) = await attempt_all([a_task(find("Asha"))], server.session)
    assert attempt.claims == ()
    assert [call.is_error for call in attempt.calls] == [True]


async def test_totals_and_groups_are_read() -> None:
    server = Scripted({"count_contacts": ["group_by"]}, {"total": 7}, {"groups": [{"value": "Acme", "count": 4}]})
    attempts = await attempt_all([a_task(count()), a_task(count(read_groups, group_by="company"))], server.session)
    assert [attempt.claims for attempt in attempts] == [(number(7),), (number(4, "Acme"),)]


async def test_fields_are_claimed_as_they_are_and_a_filler_is_no_value() -> None:
    server = Scripted({"search_contacts": ["query", "limit"]}, {"matches": [EXACT]})
    (attempt,) = await attempt_all([a_task(find("Asha", "phone_no", "job_title"))], server.session)
    assert attempt.claims == (fact("a1", "phone_no", "911"), fact("a1", "job_title", None))


def test_only_the_best_matches_are_read_and_never_a_partial_one() -> None:
    assert best([FUZZY, EXACT, PARTIAL]) == [EXACT]
    assert best([FUZZY, PARTIAL]) == [FUZZY]
    assert best([PARTIAL]) == []
    assert best([{"contact_id": "a1"}]) == [{"contact_id": "a1"}]


def test_a_lookup_is_read_by_its_status() -> None:
    results = [
        {"query": status, "status": status, "contacts": [EXACT]}
        for status in ("found", "several", "partial", "not_found", "unclear")
    ]
    found = {query: bool(rows) for query, rows in rows_of({"results": results})}
    assert found == {"found": True, "several": True, "partial": False, "not_found": False, "unclear": False}


def test_the_json_of_an_answer_is_its_first_line() -> None:
    assert data_of('{"file":"a.csv"}\nfile:///a.csv') == {"file": "a.csv"}
    assert data_of("Missing query.") == data_of("[1]") == data_of("") == {}
    assert as_contact({"contact_id": "a1"})["company"] == ""


@pytest.mark.slow
async def test_the_oracle_reaches_every_task_that_todays_tools_can_do() -> None:
    async with open_session() as session:
        attempts = await attempt_all(make_tasks().values(), session)
    judged = judge(attempts, Scorer(make_book(), estimate)).values()
    assert [each.attempt.task.name for each in judged if each.is_unreached] == []
    assert sum(each.score.is_right for each in judged) >= 55
    lacked = {each.attempt.needs for each in judged}
    assert not lacked & {"search_contacts", "query of search_contacts", "list_contacts"}
