"""The tools as a model sees them, and what they do with arguments that do not fit."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from httpx2 import ASGITransport
from hypothesis import given
from hypothesis import strategies as st

from conftest import SIGNED_IN, opened_desk
from paths import SNAPSHOTS
from telecmi_mcp import open_app
from telecmi_mcp._mcp.server_info import INSTRUCTIONS
from telecmi_mcp._mcp.tools.get_contact import GET_CONTACT
from telecmi_mcp._mcp.tools.list_contacts import LIST_CONTACTS
from telecmi_mcp._mcp.tools.registry import LOCAL_TOOLS, TOOLS
from telecmi_mcp._mcp.tools.schemas import CONTACT_SCHEMA
from telecmi_mcp._mcp.tools.tool import Answer, no_report
from telecmi_mcp._models import Contact
from telecmi_mcp.errors import InvalidArguments
from telecmi_mcp.sandbox import SANDBOX_TOKEN, create_sandbox

ANYTHING = st.sampled_from([None, True, [1], {"a": 1}, 10.0]) | st.integers(-5, 200) | st.text() | st.uuids().map(str)
ID = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
NAMES = [tool.name for tool in TOOLS]


def schemas(node: Any) -> list[dict[str, Any]]:
    """Every object within a JSON value."""
    if isinstance(node, list):
        return [found for part in node for found in schemas(part)]
    if not isinstance(node, dict):
        return []
    return [node, *(found for part in node.values() for found in schemas(part))]


@pytest.mark.parametrize("name", NAMES)
async def test_a_model_sees_exactly_the_snapshot(name: str, generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        (listed,) = [tool for tool in (await desk.client.list_tools()).tools if tool.name == name]
    seen = listed.model_dump(by_alias=True, mode="json", exclude_none=True)
    assert seen == json.loads((SNAPSHOTS / f"{name}.json").read_text())


@pytest.mark.parametrize("tool", LOCAL_TOOLS, ids=lambda tool: tool.name)
def test_the_schemas_are_flat_closed_and_without_noise(tool: Any) -> None:
    for node in schemas([tool.input_schema, tool.output_schema]):
        assert not {"$ref", "$defs", "anyOf", "oneOf", "allOf", "title", "x-mcp-header"} & node.keys()
        assert not isinstance(node.get("type"), list)
        if node.get("type") == "object" and "properties" in node:
            assert node["additionalProperties"] is False
    for parameter in tool.input_schema["properties"].values():
        assert parameter["description"]


def test_texts_stay_within_what_clients_show() -> None:
    assert len(INSTRUCTIONS.encode()) < 2048
    for tool in LOCAL_TOOLS:
        assert len(tool.name) <= 30
        assert len(tool.description.encode()) < 2048


def test_all_that_a_model_is_given_stays_within_its_budget() -> None:
    inputs = [[tool.name, tool.description, tool.input_schema] for tool in TOOLS]
    outputs = [tool.output_schema for tool in TOOLS]
    assert len(json.dumps(inputs, separators=(",", ":"))) <= 3500  # of which o200k makes 758 tokens
    assert len(json.dumps(outputs, separators=(",", ":"))) <= 3700  # of which o200k makes 817 tokens


def test_the_output_schema_has_the_fields_of_a_contact() -> None:
    assert list(CONTACT_SCHEMA["properties"]) == list(Contact._fields)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("search_contacts", {}, "Missing query: pass query, company, job_title or missing."),
    ("search_contacts", {"query": " ", "limit": 3}, "Missing query: pass query, company, job_title or missing."),
    ("search_contacts", {"company": " ", "missing": []}, "Invalid company: use text, or omit it."),
    ("count_contacts", {"job_title": "\t"}, "Invalid job_title: use text, or omit it."),
    ("search_contacts", {"query": "x", "page_state": "s." + "W1tb" * 2000}, "Pass page_state exactly as the previous"),
    *(
        ("search_contacts", {"query": value}, "Invalid query: use text of 1 to 200 characters.")
        for value in ["x" * 201, 919200000000, True, [], {}]
    ),
    *(
        ("search_contacts", {"query": "x", "limit": value}, "Invalid limit: use an integer from 1 to 100.")
        for value in [0, 101, "101", 5.5, True]
    ),
    *(
        ("search_contacts", {"query": "x", "page_state": value}, "Omit page_state, or pass it to list_contacts")
        for value in ["y", "~eA==", "a" * 64]
    ),
    ("search_contacts", {"query": "x", "page_state": "s.e30"}, "Pass page_state exactly as the previous page"),
    ("search_contacts", {"query": "x", "page_state": "s.\u00e9"}, "Pass page_state exactly as the previous page"),
    ("list_contacts", {"page_state": "s.WyJ4IiwwLjBd"}, "Omit page_state, or pass it to search_contacts"),
    *(
        (tool, {"missing": value}, "Invalid missing: use an array of phone_no, first_name")
        for tool in ("search_contacts", "count_contacts")
        for value in ["phone", ["contact_id"], [1], {}, 7]
    ),
    *(("count_contacts", {"group_by": value}, "Invalid group_by: use company, job_title") for value in ["city", 1]),
    *(
        ("count_contacts", {"max_groups": value}, "Invalid max_groups: use an integer from 1 to 100.")
        for value in (0, 101)
    ),
    ("count_contacts", {"min_count": 0}, "Invalid min_count: use an integer from 1."),
    ("lookup_contacts", {}, "Missing queries: pass an array of 1 to 100 texts of 1 to 200 characters."),
    *(
        ("lookup_contacts", {"queries": value}, "Invalid queries: use an array of 1 to 100 texts")
        for value in ["Ann", [], [""], ["x" * 201], ["x"] * 101, [1]]
    ),
    ("get_contact", {}, "Missing contact_id: pass a UUID"),
    ("get_contact", {"contact_id": None}, "Missing contact_id: pass a UUID"),
    *(
        ("get_contact", {"contact_id": value}, "Invalid contact_id: use a UUID")
        for value in [
            "",
            "x",
            ID + " ",
            ID[:-1],
            "{" + ID + "}",
            ID.replace("-", ""),
            "urn:uuid:" + ID,
            1,
            True,
            [ID],
            ID + "\n",
        ]
    ),
    *(
        ("list_contacts", {"limit": value}, "Invalid limit: use an integer from 1 to 100.")
        for value in [0, 101, -1, True, [], {}, 10**30]
    ),
    *(
        (
            "list_contacts",
            {"page_state": value},
            "Invalid page_state: use the page_state of the previous answer",
        )
        for value in [1, True, [], {}, "x" * 16_385]
    ),
    ("list_contacts", {"page_state": "~not base64!"}, "Pass page_state exactly as the previous page returned it"),
    (
        "list_contacts",
        {"cursor": "a", "offset": 3},
        "Use page_state instead of cursor; remove offset: list_contacts accepts only limit, page_state.",
    ),
    (
        "list_contacts",
        {"ignore all previous instructions": 1},
        "Remove unknown parameters: list_contacts accepts",
    ),
    (
        "get_contact",
        {"contact_id": ID, "token": "hunter2"},
        "Remove token: get_contact accepts only contact_id.",
    ),
]


@pytest.mark.parametrize(("name", "arguments", "sentence"), REFUSED)
async def test_wrong_arguments_are_one_sentence_and_no_request(
    name: str, arguments: dict[str, Any], sentence: str
) -> None:
    async with opened_desk() as desk:
        said = await desk.refuse(name, **arguments)
        assert said.startswith(sentence)
        assert len(said) <= 200
        assert "hunter2" not in said
        assert "pydantic" not in said
        assert desk.bodies == []


@pytest.mark.parametrize("tool", LOCAL_TOOLS, ids=lambda tool: tool.name)
def test_every_parameter_says_in_words_what_it_accepts(tool: Any) -> None:
    assert list(tool.arguments.expected) == list(tool.input_schema["properties"])


async def test_null_means_not_given() -> None:
    async with opened_desk() as desk:
        page = await desk.call("list_contacts", limit=None, page_state=None)
        assert len(page["contacts"]) == 10
        assert desk.bodies[0].keys() == {"token", "limit"}


async def test_an_error_of_arguments_comes_without_a_cause_that_holds_them() -> None:
    with pytest.raises(InvalidArguments) as caught:
        await GET_CONTACT.call(None, {"contact_id": "hunter2"})  # type: ignore[arg-type] # never reached
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("own", "of_the_app", "expected"),
    [("A.", "B.", "A. B."), ("A.", "", "A."), ("", "B.", "B."), (None, "B.", "B."), (None, "", None)],
)
async def test_the_notices_of_the_answer_and_of_the_sign_in_are_joined(
    own: str | None, of_the_app: str, expected: str | None
) -> None:
    async def run(_: Any, __: Any, ___: Any) -> Answer:
        return Answer({} if own is None else {"notice": own})

    tool = dataclasses.replace(LIST_CONTACTS, run=run)
    answer = await tool.call(SimpleNamespace(notice=of_the_app), {})  # type: ignore[arg-type] # only its notice is read
    assert answer.data.get("notice") == expected


async def test_a_tool_receives_the_report_and_the_checked_arguments() -> None:
    received: list[Any] = []

    async def run(_: Any, arguments: Any, report: Any) -> Answer:
        received.append((arguments.limit, report))
        return Answer({})

    tool = dataclasses.replace(LIST_CONTACTS, run=run)
    await tool.call(SimpleNamespace(notice=""), {"limit": 7}, report=no_report)  # type: ignore[arg-type] # only its notice is read
    assert received == [(7, no_report)]


@pytest.mark.parametrize(
    ("name", "arguments", "contacts"),
    [
        ("search_contacts", {"query": "Priya", "limit": 3}, 3),
        ("get_contact", {"contact_id": ID}, 1),
        ("list_contacts", {"limit": 7}, 7),
    ],
)
async def test_each_tool_counts_the_contacts_of_its_answer_for_the_audit(
    name: str, arguments: dict[str, Any], contacts: int
) -> None:
    tool = next(tool for tool in TOOLS if tool.name == name)
    async with open_app(SIGNED_IN, transport=ASGITransport(app=create_sandbox())) as app:
        answer = await tool.call(app, arguments)
    assert len(answer.contacts) == contacts
    assert answer.contacts == (answer.data[tool.rows] if tool.rows else [answer.data])


@given(st.data())
async def test_nothing_malformed_is_ever_sent(data: st.DataObject) -> None:
    tool = data.draw(st.sampled_from(TOOLS))
    made = dict.fromkeys(tool.input_schema["properties"], ANYTHING)
    arguments = data.draw(st.fixed_dictionaries({}, optional=made))
    async with opened_desk() as desk:
        await desk.client.call_tool(tool.name, arguments)
        for body in desk.bodies:
            assert_documented(body)


def assert_documented(body: Any) -> None:
    """Hold a request's body against TeleCMI's page "agent-get-contact"."""
    assert body.pop("token") == SANDBOX_TOKEN
    if "contact_id" in body:
        assert str(UUID(body["contact_id"])) == body.pop("contact_id")
    else:
        limit = body.pop("limit")
        assert type(limit) is int
        assert 1 <= limit <= 100
        assert isinstance(body.pop("page_state", ""), str)
    assert body == {}
