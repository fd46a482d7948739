"""The limits of callers and accounts, on two replicas that share a database and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from e2e.lines import PATIENCE
from team.replicas import opened_replica
from telecmi_mcp._team.auth.access_keys import add_key

if TYPE_CHECKING:
    from pydantic import SecretStr

    from telecmi_mcp._team.db.database import Database


async def list_as(key: str, url: str) -> str:
    """The sentence of a refusal; "" for an answer."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        result = await client.call_tool("list_contacts", {"limit": 3})
    return result.content[0].text if result.is_error else ""  # type: ignore[union-attr]  # it is text


async def test_callers_and_accounts_have_their_limits_on_all_replicas_together(
    database: Database, database_url: SecretStr
) -> None:
    with database.connection() as connection:
        priya, arun, mira = (
            add_key(connection, name).get_secret_value()
            for name in ("priya", "arun", "mira\N{GREEK SMALL LETTER ALPHA}")
        )
    variables = {
        "TELECMI_DATABASE_URL": database_url.get_secret_value(),
        "TELECMI_CALLERS": "keys",
        "TELECMI_CALLER_RATE_LIMIT": "1",
        "TELECMI_ACCOUNT_RATE_LIMIT": "2",
        "TELECMI_TIMEOUT": "5",
    }
    with opened_replica(**variables) as one, opened_replica(**variables) as other:
        assert await list_as(priya, one.url) == ""
        assert "then call less often" in await list_as(priya, other.url)  # her one call was made elsewhere
        assert await list_as(arun, other.url) == ""
        assert "then call less often" in await list_as(mira, one.url)  # the account's two requests were sent
        told = [(line["caller"], line["outcome"], line["contacts"]) for line in [*one.stop(), *other.stop()]]
    assert told == [
        ("priya", "ok", 3),
        ("mira\N{GREEK SMALL LETTER ALPHA}", "too_many_calls", 0),
        ("priya", "too_many_calls", 0),
        ("arun", "ok", 3),
    ]
    for secret in (priya, arun, mira, database_url.get_secret_value()):
        assert secret not in one.said + other.said
