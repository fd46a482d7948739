"""Masks of callers, through the whole server on a real socket: two callers of one account, and what each may see."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
from httpx2 import ASGITransport
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from e2e.lines import PATIENCE
from team.auth.test_access import COMMON, add, served
from telecmi_mcp import open_app
from telecmi_mcp._mask import NO_MASK, Mask
from telecmi_mcp._team.auth.access_keys import KeyLimits
from telecmi_mcp._team.auth.callers import LOOKUP_MASKED, UNMASKED, Caller
from telecmi_mcp._team.policy.masking import WHOLE_VALUES_PER_HOUR, view_of
from telecmi_mcp._team.policy.quotas import Quotas
from telecmi_mcp.errors import CallLimitReached, InvalidArguments
from telecmi_mcp.sandbox import create_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import SecretStr

    from telecmi_mcp import App
    from telecmi_mcp._team.db.database import Database

PHONE, BOTH = Mask(["phone_no"]), Mask(["phone_no", "email_id"])


@asynccontextmanager
async def client(url: str, key: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE) as http,
        Client(streamable_http_client(url, http_client=http)) as opened,
    ):
        yield opened


async def answer(caller: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await caller.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    data: dict[str, Any] = result.structured_content
    return data


async def test_two_callers_of_one_account_see_what_their_keys_allow(
    database: Database, database_url: SecretStr
) -> None:
    whole = add(database, "amal")
    masked = add(database, "priya", KeyLimits(mask=("phone_no",)))
    async with (
        served(callers="keys", database_url=database_url) as place,
        client(place.url, whole) as amal,
        client(place.url, masked) as priya,
    ):
        everything = await answer(amal, "list_contacts")
        some = await answer(priya, "list_contacts")
        number = everything["contacts"][0]["phone_no"]
        found = await answer(amal, "search_contacts", query=number)
        name = everything["contacts"][0]["first_name"]
        by_name = await answer(priya, "search_contacts", query=name)
        refused = await priya.call_tool("search_contacts", {"query": number})
        read = await priya.read_resource(f"telecmi://contacts/{everything['contacts'][0]['contact_id']}")
    assert found["total"] == 1
    assert refused.is_error
    assert "masked" in json.dumps([part.model_dump() for part in refused.content])
    seen = json.dumps([some, by_name, read.model_dump(mode="json")])
    numbers = [contact.get("phone_no", "") for contact in everything["contacts"]]
    assert not [each for each in numbers if each and each[:-2] in seen]
    assert some["contacts"][0]["phone_no"] == f"********{number[-2:]}"


@asynccontextmanager
async def account(mask: tuple[str, ...] = ()) -> AsyncIterator[App]:
    from dataclasses import replace

    async with open_app(replace(COMMON, mask=mask), transport=ASGITransport(app=create_sandbox())) as app:
        yield app


@pytest.mark.parametrize(
    ("server", "caller", "mask"),
    [
        ((), Caller("a"), NO_MASK),
        ((), Caller("a", mask=frozenset({"phone_no"})), PHONE),
        (("phone_no",), Caller("a"), PHONE),
        (("phone_no",), Caller("a", mask=frozenset({"email_id"})), BOTH),
        (("phone_no",), Caller("a", scopes=frozenset({UNMASKED})), NO_MASK),
        (("phone_no",), Caller("a", scopes=frozenset({"contacts:read", "contacts:Unmasked"})), PHONE),
    ],
)
async def test_the_stricter_mask_counts_unless_a_scope_lifts_both(
    server: tuple[str, ...], caller: Caller, mask: Mask
) -> None:
    async with account(server) as app:
        view = view_of(app, caller, Quotas(None))
        assert view.client.mask == mask
        assert view.admit_whole_values is None


async def test_a_caller_looks_twenty_whole_values_up_in_an_hour_whether_anybody_has_them_or_not() -> None:
    now = 0.0
    quotas = Quotas(None, clock=lambda: now)
    caller = Caller("a", scopes=frozenset({LOOKUP_MASKED}), mask=frozenset({"phone_no"}))
    async with account() as app:
        admit = view_of(app, caller, quotas).admit_whole_values
        assert admit is not None
        with pytest.raises(InvalidArguments):
            await admit(WHOLE_VALUES_PER_HOUR + 1)
        await admit(WHOLE_VALUES_PER_HOUR - 1)
        await admit(1)
        with pytest.raises(CallLimitReached):
            await admit(1)
        now += 3600 / WHOLE_VALUES_PER_HOUR + 1
        await admit(1)
        with pytest.raises(CallLimitReached):
            await admit(1)
        other = view_of(app, caller._replace(name="b"), quotas).admit_whole_values
        assert other is not None
        with anyio.fail_after(PATIENCE):
            await other(1)
