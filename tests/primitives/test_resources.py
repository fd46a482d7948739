"""The resources as a client reads them: the tools' facts at a URI, the server's status, and ids to choose from."""

from __future__ import annotations

import dataclasses
import json
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from httpx2 import ASGITransport
from hypothesis import given
from hypothesis import strategies as st
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CacheableResult, ResourceTemplateReference, TextResourceContents
from pydantic import SecretStr

from conftest import SIGNED_IN, opened_desk
from paths import SNAPSHOTS
from sign_in import KEPT, WITH_PASSWORD, SignInSetup
from telecmi_mcp import App, Contact, Settings, __version__, create_server, open_app
from telecmi_mcp._api.limiters import RateLimit
from telecmi_mcp._index.recent import Recent
from telecmi_mcp._mcp.resources import CONTACT, MAX_URI, STATUS, contact_id_in
from telecmi_mcp.errors import CredentialStoreUnusable, ResourceNotFound
from telecmi_mcp.sandbox import SANDBOX_PASSWORD, SANDBOX_TOKEN, SANDBOX_USER_ID, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
NOBODY = "Zyxwvut"  # only a search that finds nothing waits until all contacts have been read
CHOICE = ResourceTemplateReference(uri=CONTACT.uri)
NOT_FOUND = {"legacy": -32002, "2026-07-28": -32602}


def at(contact_id: str) -> str:
    return f"telecmi://contacts/{contact_id}"


async def read(client: Client, uri: str) -> dict[str, Any]:
    """Read a resource that must be there."""
    (part,) = (await client.read_resource(uri)).contents
    assert isinstance(part, TextResourceContents)
    assert (part.uri, part.mime_type) == (uri, "application/json")
    facts: dict[str, Any] = json.loads(part.text)
    return facts


async def refuse(client: Client, uri: str) -> MCPError:
    """Read a resource that must be refused."""
    with pytest.raises(MCPError) as caught:
        await client.read_resource(uri)
    assert len(caught.value.error.message) <= 200
    return caught.value


async def choose(client: Client, begun: str) -> tuple[list[str], int | None, bool | None]:
    """Complete an id."""
    found = (await client.complete(CHOICE, {"name": "contact_id", "value": begun})).completion
    return found.values, found.total, found.has_more


async def test_a_client_sees_exactly_the_snapshots_without_a_token(generation: str) -> None:
    async with opened_desk(mode=generation, settings=Settings()) as desk:
        resources = (await desk.client.list_resources()).resources
        templates = (await desk.client.list_resource_templates()).resource_templates
    for name, listed in [("resources", resources), ("resource_templates", templates)]:
        seen = [each.model_dump(by_alias=True, mode="json", exclude_none=True) for each in listed]  # type: ignore[attr-defined] # both are models
        assert seen == json.loads((SNAPSHOTS / f"{name}.json").read_text())


@pytest.mark.parametrize("mode", ["legacy", "auto"])  # the second one asks server/discover
async def test_prompts_and_resources_never_change_and_have_no_subscriptions(mode: str) -> None:
    async with opened_desk(mode=mode) as desk:
        declared = desk.client.server_capabilities
    assert declared is not None
    said = declared.model_dump(by_alias=True, exclude_none=True)
    assert said == {
        "prompts": {"listChanged": False},
        "resources": {"subscribe": False, "listChanged": False},
        "tools": {"listChanged": False},
        "completions": {},
    }


async def test_lists_may_be_cached_by_everyone_and_contents_not_at_all() -> None:
    async with opened_desk(mode="2026-07-28") as desk:
        kept: list[CacheableResult] = [
            await desk.client.list_tools(),
            await desk.client.list_prompts(),
            await desk.client.list_resources(),
            await desk.client.list_resource_templates(),
        ]
        fresh = [await desk.client.read_resource(STATUS.uri), await desk.client.read_resource(at(JOHN))]
    assert {(each.ttl_ms, each.cache_scope) for each in kept} == {(3_600_000, "public")}
    assert {(each.ttl_ms, each.cache_scope) for each in fresh} == {(0, "private")}


async def test_a_contact_has_the_facts_of_the_tool(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        assert await read(desk.client, at(JOHN)) == await desk.call("get_contact", contact_id=JOHN)


@pytest.mark.parametrize(
    "uri",
    [
        at(JOHN.upper()),
        f"TeleCMI://Contacts/{JOHN}",
        at(JOHN.replace("-", "%2D")),
        at("".join(f"%{ord(char):02x}" for char in JOHN)),
    ],
)
async def test_a_uri_that_means_the_same_reads_the_same(uri: str) -> None:
    async with opened_desk() as desk:
        assert (await read(desk.client, uri))["contact_id"] == JOHN
        assert [body["contact_id"] for body in desk.bodies] == [JOHN]


NOWHERE = [
    "",
    "telecmi:",
    "telecmi://",
    "telecmi://contacts",
    "telecmi://status/",
    "telecmi://status?x",
    " telecmi://status",
    "telecmi://contact\u017f/" + JOHN,
    f"telecmi://contacts/{JOHN}/",
    f"telecmi://contacts/{JOHN}?token=hunter2",
    f"telecmi://contacts/{JOHN}#a",
    f"telecmi://contacts/../contacts/{JOHN}",
    f"telecmi://user@contacts/{JOHN}",
    f"telecmi://contacts:80/{JOHN}",
    f"https://contacts/{JOHN}",
    "file:///etc/passwd",
    at("x" * 1_000_000),
    at("\u202e"),
]


async def test_a_uri_of_nothing_is_said_to_be_one_in_each_generations_way(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        said = {uri: (await refuse(desk.client, uri)).error for uri in NOWHERE}
        assert desk.bodies == []
    sentence = "Check the URI: it must match one of resources/list or resources/templates/list."
    assert {(each.code, each.message) for each in said.values()} == {(NOT_FOUND[generation], sentence)}
    for uri, error in said.items():
        assert error.data == ({"uri": uri} if uri.isascii() and len(uri) <= MAX_URI else None)


BAD = ["", "x", "%00", "%", "%2e%2e%2f", f"%20{JOHN}", f"{JOHN}%0a", JOHN.replace("-", "%252D")]


async def test_an_invalid_id_is_the_same_error_as_of_the_tool(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        expected = await desk.refuse("get_contact", contact_id="x")
        for bad in BAD:
            said = (await refuse(desk.client, at(bad))).error
            assert (said.code, said.message, said.data) == (-32602, expected, None), bad
        assert desk.bodies == []


async def test_a_contact_that_is_not_there_is_a_resource_that_is_not_there(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        said = (await refuse(desk.client, at(UNKNOWN))).error
        assert said.message == await desk.refuse("get_contact", contact_id=UNKNOWN)
    assert (said.code, said.data) == (NOT_FOUND[generation], {"uri": at(UNKNOWN)})


@pytest.mark.parametrize("token", [None, SecretStr("hunter2")])
async def test_any_other_error_is_the_tools_sentence(generation: str, token: SecretStr | None) -> None:
    configured = dataclasses.replace(SIGNED_IN, token=token)
    async with opened_desk(mode=generation, settings=configured) as desk:
        said = (await refuse(desk.client, at(JOHN))).error
        assert (said.code, said.data) == (-32603, None)
        assert said.message == await desk.refuse("get_contact", contact_id=JOHN)
        assert "hunter2" not in repr(said)


async def test_reading_a_contact_counts_as_a_call_and_the_status_does_not() -> None:
    async with opened_desk(settings=dataclasses.replace(SIGNED_IN, rate_limit=2)) as desk:
        await desk.call("get_contact", contact_id=JOHN)
        await read(desk.client, at(JOHN))
        assert (await refuse(desk.client, at(JOHN))).error.message.startswith("Wait ")
        assert len(desk.bodies) == 2
        assert await read(desk.client, STATUS.uri)


class Broken:
    """A directory with a defect."""

    async def get_contact(self, _: str) -> None:
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
        said = (await refuse(client, at(JOHN))).error
    assert said.code == -32603
    assert said.message.startswith("Report this to the maintainers")
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "RuntimeError" in record.getMessage()
    assert "hunter2" not in record.getMessage() + repr(said)


@given(st.text() | st.text("telcmi:/contacts%2D-0aA?#", max_size=60).map(lambda text: f"telecmi://{text}"))
def test_any_uri_is_the_status_a_contact_or_nothing(uri: str) -> None:
    try:
        contact_id = contact_id_in(uri)
    except ResourceNotFound as error:
        assert str(error) == str(ResourceNotFound())
    else:
        assert uri.lower() == STATUS.uri if contact_id is None else uri.lower().startswith("telecmi://contacts/")


@given(st.uuids().map(str), st.integers(0, 2**36 - 1))
def test_an_id_comes_out_of_its_uri_however_it_is_encoded(contact_id: str, chosen: int) -> None:
    encoded = "".join(f"%{ord(char):02X}" if chosen >> place & 1 else char for place, char in enumerate(contact_id))
    assert contact_id_in(at(encoded)) == contact_id


@given(st.text("0aF-%2D/?#\0\ud800 ", max_size=60) | st.uuids().map(lambda uuid: f"%7b{uuid}") | st.uuids().map(str))
async def test_no_uri_sends_anything_but_a_wellformed_id(text: str) -> None:
    async with opened_desk() as desk:
        with suppress(MCPError):
            await desk.client.read_resource(at(text))
        for body in desk.bodies:
            assert str(UUID(body["contact_id"])) == body["contact_id"]


# --- the status


async def test_without_a_token_the_status_says_so(generation: str) -> None:
    async with opened_desk(mode=generation, settings=Settings()) as desk:
        assert await read(desk.client, STATUS.uri) == {
            "version": __version__,
            "calls_a_minute": 1200,
            "signed_in": False,
            "index": {"kept": "memory"},
        }


async def test_the_status_shows_the_progress_of_the_index_without_a_request(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        assert (await read(desk.client, STATUS.uri))["index"] == {"kept": "memory"}
        assert desk.bodies == []
        found = await desk.call("search_contacts", query=NOBODY)
        sent = len(desk.bodies)
        status = await read(desk.client, "TELECMI://status")
        assert len(desk.bodies) == sent
    facts = {name: found[name] for name in ("indexed", "count", "complete", "as_of")}
    assert status["index"] == {"kept": "memory", **facts}
    assert (status["signed_in"], status["sign_in"], status["renews_itself"]) == (True, "TELECMI_TOKEN", False)


async def test_the_status_holds_nothing_secret_and_signs_nobody_in(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    async with Client(create_server(lambda: setup.app(WITH_PASSWORD))) as client:
        before = await read(client, STATUS.uri)
        assert setup.logins == 0
        await client.call_tool("list_contacts", {})
        after = await read(client, STATUS.uri)
    assert (before["signed_in"], after["signed_in"], setup.logins) == (False, True, 1)
    assert before["renews_itself"]
    for secret in (SANDBOX_TOKEN, SANDBOX_PASSWORD, SANDBOX_USER_ID):
        assert secret not in json.dumps([before, after])


async def test_a_place_of_tokens_that_does_not_work_is_a_notice_of_the_status(tmp_path: Path) -> None:
    nowhere = Settings(token_file=tmp_path / "nothing", base_url="http://localhost")
    async with opened_desk(settings=nowhere) as desk:
        status = await read(desk.client, STATUS.uri)
    assert not status["signed_in"]
    assert status["notice"] == "Correct TELECMI_TOKEN_FILE: the file that it names cannot be read."


async def test_a_sign_in_that_ends_soon_is_a_notice_of_the_status(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(SecretStr(SANDBOX_TOKEN), password=None, age_days=27)
    async with Client(create_server(lambda: setup.app(KEPT))) as client:
        assert "ends in about 3 days" in (await read(client, STATUS.uri))["notice"]


# --- ids to choose from


async def test_ids_that_a_tool_showed_are_completed_the_last_ones_first(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        assert await choose(desk.client, "") == ([], 0, False)
        shown = [each["contact_id"] for each in (await desk.call("list_contacts", limit=3))["contacts"]]
        last = shown[2]
        await desk.call("get_contact", contact_id=last)
        await desk.call("search_contacts", query=UNKNOWN)
        sent = len(desk.bodies)
        assert await choose(desk.client, "") == ([last, *shown[:2]], 3, False)
        assert await choose(desk.client, last[:7].upper()) == ([last], 1, False)
        assert len(desk.bodies) == sent


async def test_of_more_than_100_ids_100_are_returned_with_the_total(generation: str) -> None:
    async with opened_desk(mode=generation, contacts=make_contacts(300)) as desk:
        first = await desk.call("list_contacts", limit=100)
        second = await desk.call("list_contacts", limit=100, page_state=first["page_state"])
        expected = [each["contact_id"] for each in second["contacts"]]
        assert await choose(desk.client, "") == (expected, 200, True)


async def test_a_call_that_fails_leaves_nothing_to_choose() -> None:
    async with opened_desk() as desk:
        await desk.refuse("get_contact", contact_id=UNKNOWN)
        assert await choose(desk.client, "") == ([], 0, False)


INCOMPLETE = [("hunter2", "contact_id"), (STATUS.uri, "contact_id"), (CONTACT.uri, "hunter2")]


@pytest.mark.parametrize(("uri", "argument"), INCOMPLETE)
async def test_what_cannot_be_completed_is_refused_and_not_repeated(uri: str, argument: str, generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        with pytest.raises(MCPError) as caught:
            await desk.client.complete(ResourceTemplateReference(uri=uri), {"name": argument, "value": "hunter2"})
    assert caught.value.error.code == -32602
    assert "hunter2" not in repr(caught.value.error)


# --- two accounts


@asynccontextmanager
async def two_people(tmp_path: Path) -> AsyncIterator[tuple[SignInSetup, Client]]:
    """One server, at which first one person is signed in; her contacts were shown and searched."""
    setup = SignInSetup(tmp_path)
    await setup.keep(SecretStr(SANDBOX_TOKEN), user_id="103_1")
    async with Client(create_server(lambda: setup.app(KEPT))) as client:
        await client.call_tool("search_contacts", {"query": NOBODY})
        await client.call_tool("get_contact", {"contact_id": JOHN})
        assert JOHN in (await choose(client, ""))[0]
        assert (await read(client, STATUS.uri))["index"]["indexed"] == 150
        yield setup, client


async def test_after_another_sign_in_nothing_of_the_first_account_is_told(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (setup, client):
        await setup.keep(SecretStr(SANDBOX_TOKEN), user_id="103_2")
        assert await choose(client, "") == ([], 0, False)
        assert (await read(client, STATUS.uri))["index"] == {"kept": "memory"}


async def test_what_the_second_account_is_shown_is_completed_for_it_alone(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (setup, client):
        his = make_contacts(300)[200:]
        setup.sandbox.replace_contacts(his)
        await setup.keep(SecretStr(SANDBOX_TOKEN), user_id="103_2")
        for _ in range(2):  # the first call is the one that notices, and its answer is in no record
            await client.call_tool("list_contacts", {"limit": 5})
        values, total, _ = await choose(client, "")
        assert total == 5
        assert set(values) <= {each["contact_id"] for each in his}
        await setup.keep(SecretStr(SANDBOX_TOKEN), user_id="103_1")
        assert await choose(client, "") == ([], 0, False)


async def test_after_signing_out_nothing_is_completed(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (_, client):
        (tmp_path / "sign-ins.json").unlink()
        assert await choose(client, "") == ([], 0, False)
        assert not (await read(client, STATUS.uri))["signed_in"]


async def test_an_answer_that_is_late_does_not_get_into_the_next_accounts_record(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(SecretStr(SANDBOX_TOKEN), user_id="103_1")
    async with setup.app(KEPT) as app:
        hers = app.directory.recent
        await app.directory.list_contacts(limit=1)
        assert app.directory.recent is hers
        await setup.keep(SecretStr(SANDBOX_TOKEN), user_id="103_2")
        await app.directory.list_contacts(limit=1)
        hers.note({"contact_id": JOHN})
        assert not await app.recall()
        assert not app.directory.recent


class Handed:
    """A directory of which another account becomes the owner during a call."""

    def __init__(self) -> None:
        self.recent = Recent()

    async def get_contact(self, contact_id: str) -> Contact:
        self.recent = Recent()
        return Contact(contact_id=contact_id)


async def test_the_server_hands_an_answer_to_the_record_that_was_there_before_the_call(generation: str) -> None:
    directory = Handed()
    hers = directory.recent

    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        yield App(None, directory)  # type: ignore[arg-type] # only the directory is asked

    async with Client(create_server(opened), mode=generation) as client:
        assert not (await client.call_tool("get_contact", {"contact_id": JOHN})).is_error
    assert (len(hers), len(directory.recent)) == (1, 0)


class Locked:
    """A store of tokens that does not work any more."""

    async def held(self) -> None:
        raise CredentialStoreUnusable


async def test_if_the_account_is_unknown_nothing_is_completed() -> None:
    async with open_app(SIGNED_IN, transport=ASGITransport(app=create_sandbox())) as app:
        app.directory.recent.note({"contact_id": (await app.directory.get_contact(JOHN)).contact_id})
        locked = dataclasses.replace(app, tokens=Locked())  # type: ignore[arg-type] # only this is asked
        assert await app.recall()
        assert not await locked.recall()
