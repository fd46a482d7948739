"""The whole surface through the in-memory client, in both protocol generations, over the sandbox."""

from __future__ import annotations

import dataclasses
import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from conftest import SIGNED_IN, Desk, opened_desk
from telecmi_mcp import Settings, __version__, create_server, open_app
from telecmi_mcp._api.limiters import RateLimit
from telecmi_mcp._index.recent import Recent
from telecmi_mcp._mcp.output import OutputFormat
from telecmi_mcp._mcp.server_info import INSTRUCTIONS
from telecmi_mcp._mcp.tools.registry import TOOLS
from telecmi_mcp._server.factory import build_server
from telecmi_mcp.sandbox import SANDBOX_TOKEN, Quirks, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

JOHN = {
    "contact_id": "d3b07384-d113-4ec5-a5ae-be81d6e3c239",
    "phone_no": "919200000000",
    "first_name": "John",
    "last_name": "Doe",
    "email_id": "john.doe@example.com",
    "company": "Acme Corp",
    "job_title": "Software Engineer",
}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def pages(desk: Desk, limit: int = 40) -> list[dict[str, Any]]:
    """Page to the end as an agent does."""
    found = [await desk.call("list_contacts", limit=limit)]
    while found[-1]["has_more"]:
        found.append(await desk.call("list_contacts", limit=limit, page_state=found[-1]["page_state"]))
        assert len(found) < 100
    return found


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [contact["contact_id"] for page in found for contact in page["contacts"]]


async def test_one_contact_by_its_id(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        assert await desk.call("get_contact", contact_id=JOHN["contact_id"]) == JOHN


async def test_an_id_in_any_case_is_sent_in_telecmis_form(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        await desk.call("get_contact", contact_id=JOHN["contact_id"].upper())
        assert desk.bodies == [{"token": SANDBOX_TOKEN, "contact_id": JOHN["contact_id"]}]


async def test_all_contacts_by_cursor(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        found = await pages(desk)
    assert len(set(ids(found))) == 150
    assert [page["count"] for page in found] == [150] * 4
    assert [page["has_more"] for page in found] == [True, True, True, False]
    assert ["page_state" in page for page in found] == [True, True, True, False]


async def test_the_text_half_holds_the_same_facts_as_compact_json(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        for tool, arguments in [("get_contact", {"contact_id": JOHN["contact_id"]}), ("list_contacts", {})]:
            result = await desk.client.call_tool(tool, arguments)
            (part,) = result.content
            assert part.type == "text"
            assert json.loads(part.text) == result.structured_content
            assert part.text == json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
            assert "null" not in part.text


async def test_the_token_is_in_the_body_and_nowhere_else() -> None:
    async with opened_desk() as desk:
        await desk.call("list_contacts", limit=1)
        (request,) = desk.sandbox.state.requests
    assert request.body == {"token": SANDBOX_TOKEN, "limit": 1}
    assert SANDBOX_TOKEN not in repr(request.headers) + request.path


@pytest.mark.parametrize("form", ["empty_list", "null", "missing", "object", "code_404", "code_400"])
@pytest.mark.parametrize("style", ["body", "http"])
async def test_an_unknown_contact_is_one_clear_error_in_every_form(form: Any, style: Any, generation: str) -> None:
    quirks = Quirks(unknown_contact=form, error_style=style)
    async with opened_desk(quirks, mode=generation) as desk:
        sentence = await desk.refuse("get_contact", contact_id=UNKNOWN)
    assert sentence == (
        f"Check the id, or look the contact up with search_contacts: TeleCMI has no contact with the id {UNKNOWN}."
    )


async def test_another_contact_than_the_one_asked_for_is_refused() -> None:
    async with opened_desk(Quirks(unknown_contact="other_contact")) as desk:
        assert "another contact" in await desk.refuse("get_contact", contact_id=UNKNOWN)


@pytest.mark.parametrize("code", [401, 403, 404, 407])
async def test_a_refused_token_is_a_clear_error_for_both_tools(code: Any) -> None:
    settings = dataclasses.replace(SIGNED_IN, token=type(SIGNED_IN.token)("expired"))  # type: ignore[misc] # not None
    async with opened_desk(Quirks(bad_token_code=code), settings=settings) as desk:
        for tool, arguments in [("get_contact", {"contact_id": UNKNOWN}), ("list_contacts", {})]:
            assert "rejected the token" in await desk.refuse(tool, **arguments)


async def test_without_a_token_the_tools_are_listed_and_a_call_says_how_to_sign_in(generation: str) -> None:
    async with opened_desk(mode=generation, settings=Settings()) as desk:
        assert len((await desk.client.list_tools()).tools) == len(TOOLS)
        assert "TELECMI_TOKEN" in await desk.refuse("list_contacts")
        assert desk.bodies == []


LISTS: dict[str, list[Any]] = {
    "last_page": ["absent", "null", "empty_string", "then_empty_page"],
    "page_size": ["full", "short", "empty_between"],
    "count": ["number", "string", "drifting"],
    "cursor_form": ["hex", "base64", "long"],
    "phone_no": ["string", "number"],
    "gaps": ["empty_string", "null", "missing"],
    "extra_fields": ["none", "some"],
    "byte_order_mark": ["absent", "present"],
    "success_code": ["number", "string", "missing"],
    "duplicates": ["none", "across_pages"],
    "first_name": ["lone_surrogate"],
    "token_echo": ["contact", "answer"],
}


@pytest.mark.parametrize(("switch", "form"), [(switch, form) for switch, forms in LISTS.items() for form in forms])
async def test_all_contacts_arrive_in_every_form_of_the_list(switch: str, form: Any) -> None:
    async with opened_desk(Quirks(**{switch: form})) as desk:
        found = await pages(desk)
    assert len(set(ids(found))) == 150
    assert SANDBOX_TOKEN not in json.dumps(found)
    assert "notice" not in found[0]


async def test_the_contacts_are_the_same_in_every_form() -> None:
    async with opened_desk() as desk:
        expected = await pages(desk)
    for switch in ["phone_no", "gaps", "extra_fields", "byte_order_mark", "success_code"]:
        async with opened_desk(Quirks(**{switch: LISTS[switch][-1]})) as desk:
            assert await pages(desk) == expected


async def test_a_missing_count_is_left_out() -> None:
    async with opened_desk(Quirks(count="missing")) as desk:
        assert "count" not in await desk.call("list_contacts")


@pytest.mark.parametrize("circle", ["same", "cycle"])
async def test_a_list_that_runs_in_a_circle_ends_and_says_so(circle: Any, generation: str) -> None:
    async with opened_desk(Quirks(repeating_cursor=circle), mode=generation) as desk:
        last = (await pages(desk))[-1]
    assert not last["has_more"]
    assert "page_state" not in last
    assert last["notice"] == "The list ends here: TeleCMI's cursor led back to an earlier page."


@pytest.mark.parametrize("cursor", ["null", "[1]", '{"a":1}', "0" * 3000, "True", "1e5", "%00"])
async def test_a_cursor_goes_back_byte_for_byte(cursor: str, generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        await desk.refuse("list_contacts", page_state=cursor)  # it is not one of the sandbox
        assert [body["page_state"] for body in desk.bodies] == [cursor]


async def test_a_cursor_that_no_model_should_see_is_packed_and_goes_back_as_it_came() -> None:
    cursors = []

    async def telecmi(request: httpx2.Request) -> httpx2.Response:
        async def body() -> AsyncIterator[bytes]:
            yield json.dumps({"contacts": [], "page_state": "a\u202eb\n\ud800"}).encode()

        cursors.append(json.loads(request.content).get("page_state"))
        return httpx2.Response(200, content=body())

    transport = httpx2.MockTransport(telecmi)
    async with Client(create_server(lambda: open_app(SIGNED_IN, transport=transport)), mode="legacy") as client:
        first = await client.call_tool("list_contacts", {})
        assert isinstance(first.structured_content, dict)
        shown = first.structured_content["page_state"]
        assert shown.isascii()
        assert shown.isprintable()
        await client.call_tool("list_contacts", {"page_state": shown})
    assert cursors == [None, "a\u202eb\n\ud800"]


@pytest.mark.parametrize("form", ["code_400", "code_500"])
async def test_a_stale_cursor_says_to_start_again(form: Any) -> None:
    async with opened_desk(Quirks(stale_cursor=form)) as desk:
        assert "again without page_state" in await desk.refuse("list_contacts", page_state="stale")


@pytest.mark.parametrize("form", ["no_id", "null", "text", "nested_name"])
async def test_one_malformed_contact_costs_one_contact_and_is_said(form: Any) -> None:
    async with opened_desk(Quirks(malformed_contact=form)) as desk:
        page = await desk.call("list_contacts")
    assert len(page["contacts"]) == 9
    assert page["notice"] == "1 malformed entry of this page left out."


async def test_a_page_above_the_limit_is_cut_and_said() -> None:
    async with opened_desk(Quirks(page_size="oversized")) as desk:
        page = await desk.call("list_contacts", limit=5)
    assert len(page["contacts"]) == 5
    assert "left out" in page["notice"]


async def test_an_unknown_tool_is_a_protocol_error(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        with pytest.raises(MCPError) as caught:
            await desk.client.call_tool("drop_contacts", {})
    assert caught.value.error.code == -32602
    assert "drop_contacts" not in caught.value.error.message


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_server_sends_its_name_version_and_instructions(mode: str) -> None:
    async with opened_desk(mode=mode) as desk:
        assert desk.client.server_info is not None
        assert (desk.client.server_info.name, desk.client.server_info.version) == ("telecmi-mcp", __version__)
        assert desk.client.instructions == INSTRUCTIONS


async def test_calls_above_the_rate_limit_are_told_how_long_to_wait() -> None:
    settings = dataclasses.replace(SIGNED_IN, rate_limit=2)
    async with opened_desk(settings=settings) as desk:
        await desk.call("list_contacts")
        await desk.call("list_contacts")
        sentence = await desk.refuse("list_contacts")
        assert sentence.startswith("Wait ")
        assert len(desk.bodies) == 2


class Broken:
    """A directory with a defect."""

    recent = Recent()

    async def list_contacts(self, **_: object) -> None:
        raise RuntimeError("hunter2")


async def test_a_defect_is_logged_and_answered_without_its_text(
    caplog: pytest.LogCaptureFixture, generation: str
) -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        yield dataclasses.make_dataclass("App", ["directory", "rate_limit", "preconnect"])(
            Broken(), RateLimit(0, clock=lambda: 0.0), lambda: None
        )

    async with Client(create_server(opened), mode=generation) as client:
        result = await client.call_tool("list_contacts", {})
    assert result.is_error
    assert "hunter2" not in repr(result)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "RuntimeError" in record.getMessage()
    assert "hunter2" not in record.getMessage()


async def test_a_long_list_can_be_paged_through() -> None:
    async with opened_desk(
        contacts=make_contacts(2_000), settings=dataclasses.replace(SIGNED_IN, rate_limit=0)
    ) as desk:
        assert len(set(ids(await pages(desk, limit=100)))) == 2_000


def test_an_input_schema_is_found_without_a_list_of_all_tools() -> None:
    find = create_server(lambda: open_app(SIGNED_IN)).get_tool_input_schema
    assert find is not None
    assert [find(tool.name) for tool in TOOLS] == [tool.input_schema for tool in TOOLS]
    assert find("drop_contacts") is None


async def test_added_middleware_replaces_the_context_and_sees_the_finished_result(generation: str) -> None:
    results: list[Any] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[str]:
        yield "no app"

    async with open_app(SIGNED_IN, transport=httpx2.ASGITransport(app=create_sandbox())) as app:

        async def with_app(ctx: Any, call_next: Any) -> Any:
            assert ctx.lifespan_context == "no app"
            result = await call_next(dataclasses.replace(ctx, lifespan_context=app))
            if ctx.method == "tools/call":
                results.append(result)
            return result

        server = build_server(opened, OutputFormat(), middleware=(with_app,))
        async with Client(server, mode=generation) as client:
            await client.call_tool("list_contacts", {"limit": 2})
    assert [len(result["structuredContent"]["contacts"]) for result in results] == [2]
