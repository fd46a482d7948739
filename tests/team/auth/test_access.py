"""Who may call, through the whole server on a real socket: access keys, and the tokens of a real identity provider."""

from __future__ import annotations

import json
import logging
import socket
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
import uvicorn
from mcp.client import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr

from e2e.lines import PATIENCE
from team.host import Memory
from team.identity import CLIENT_ID, CLIENT_SECRET, Identity, open_identity
from telecmi_mcp import Settings
from telecmi_mcp._team.auth import access_key_verifier, jwks, refreshing_cache
from telecmi_mcp._team.auth.access_keys import NO_LIMITS, KeyLimits, add_key, revoke_key
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.context import Team, open_team
from telecmi_mcp._team.http import asgi
from telecmi_mcp._team.policy.audit import LOGGER
from telecmi_mcp.sandbox import SANDBOX_TOKEN, Sandbox, create_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from team.postgres import Cluster
    from telecmi_mcp._team.db.database import Database

COMMON = Settings(token=SecretStr(SANDBOX_TOKEN), base_url="http://localhost")
LISTING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}


class Place:
    """A server that listens, and the pretend TeleCMI behind it."""

    def __init__(self, url: str, sandbox: Sandbox) -> None:
        self.url = url
        self.sandbox = sandbox

    async def tools(self, bearer: str) -> dict[str, Any]:
        """The list of tools that the SDK's client of 2026-07-28 gets with a bearer."""
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {bearer}"}, timeout=PATIENCE) as http,
            Client(streamable_http_client(self.url, http_client=http), mode="2026-07-28") as client,
        ):
            return (await client.list_tools()).model_dump()

    async def ask(self, bearer: str | None = None) -> httpx2.Response:
        """Ask for the list of tools, with a bearer or without."""
        headers = {**ACCEPT, "Authorization": f"Bearer {bearer}"} if bearer is not None else ACCEPT
        async with httpx2.AsyncClient(timeout=PATIENCE) as client:
            return await client.post(self.url, json=LISTING, headers=headers)

    async def read_as(self, auth: httpx2.Auth | dict[str, str]) -> int:
        """How many contacts the SDK's client reads, as whoever signs in so."""
        headers, signing = (auth, None) if isinstance(auth, dict) else ({}, auth)
        async with (
            httpx2.AsyncClient(headers=headers, auth=signing, timeout=PATIENCE) as http,
            Client(streamable_http_client(self.url, http_client=http)) as client,
        ):
            result = await client.call_tool("list_contacts", {"limit": 3})
        assert not result.is_error, result.content
        facts: Any = result.structured_content
        return len(facts["contacts"])


@asynccontextmanager
async def served(**changes: Any) -> AsyncIterator[Place]:
    """Serve the whole app on loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        sandbox = create_sandbox()
        settings = TeamSettings(common=COMMON, public_url=url, **changes)
        app = asgi.build_app(settings, transport=httpx2.ASGITransport(app=sandbox))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", ws="none"))
        server.capture_signals = nullcontext  # type: ignore[assignment,method-assign]  # they are pytest's
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            try:
                yield Place(url, sandbox)
            finally:
                server.should_exit = True


@pytest.fixture(scope="module")
def identity() -> Iterator[Identity]:
    with open_identity() as identity:
        yield identity


@pytest.fixture
def audit() -> Iterator[list[dict[str, Any]]]:
    """The lines of the audit."""
    lines: list[dict[str, Any]] = []

    class Taker(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(record.getMessage()))

    logger, taker = logging.getLogger(LOGGER), Taker()
    logger.addHandler(taker)
    yield lines
    logger.removeHandler(taker)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked for anew is looked for at once; how long the pauses are is told by other tests."""
    monkeypatch.setattr(jwks, "MISS_PAUSE_S", 0.0)
    monkeypatch.setattr(refreshing_cache, "_UNAVAILABLE_PAUSE_S", 0.0)


async def test_the_sdks_client_finds_the_identity_provider_signs_in_and_reads(
    identity: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    memory = Memory()
    async with served(callers="oauth", issuer=identity.issuer) as place:
        auth = ClientCredentialsOAuthProvider(place.url, memory, CLIENT_ID, CLIENT_SECRET, issuer=identity.issuer)
        assert await place.read_as(auth) == 3
        assert memory.tokens is not None
        bearer = memory.tokens.access_token
        asked = [request.body for request in place.sandbox.state.requests]
    assert asked
    assert bearer not in repr(asked)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("telecmi_mcp")]
    assert bearer not in "\n".join(ours)


async def test_a_caller_without_a_token_reads_where_to_get_one(identity: Identity) -> None:
    async with served(callers="oauth", issuer=identity.issuer) as place:
        refused = await place.ask()
        challenge = refused.headers["WWW-Authenticate"]
        document = challenge.split('resource_metadata="')[1].split('"')[0]
        async with httpx2.AsyncClient() as client:
            metadata = (await client.get(document)).json()
    assert refused.status_code == 401
    assert document == place.url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
    assert metadata["resource"] == place.url
    assert metadata["authorization_servers"] == [identity.issuer]
    assert metadata["scopes_supported"] == ["contacts:read"]
    assert metadata["bearer_methods_supported"] == ["header"]


async def test_a_token_for_another_audience_or_without_the_scope_is_refused(identity: Identity) -> None:
    async with served(callers="oauth", issuer=identity.issuer) as place:
        good = await place.ask(await identity.token(place.url))
        elsewhere = await place.ask(await identity.token(f"{place.url}/other"))
        narrow = await place.ask(await identity.token(place.url, "contacts:write"))
        forged = await place.ask((await identity.token(place.url))[:-4] + "AAAA")
    assert [answer.status_code for answer in (good, elsewhere, narrow, forged)] == [200, 401, 403, 401]
    assert 'error="insufficient_scope"' in narrow.headers["WWW-Authenticate"]
    assert "contacts:read" in narrow.headers["WWW-Authenticate"]
    assert 'error="invalid_token"' in elsewhere.headers["WWW-Authenticate"]


async def test_the_provider_may_change_its_key_and_be_unreachable_for_a_while() -> None:
    with open_identity() as identity:
        async with served(callers="oauth", issuer=identity.issuer) as place:
            old = await identity.token(place.url)
            identity.stop()
            before = await place.ask(old)
            identity.start()
            between = await place.ask(await identity.token(place.url))
            retired = await place.ask(old)
            new = await identity.token(place.url)
            identity.stop()
            after = await place.ask(new)
    # Nobody could tell; the new key was found, and the old one is gone; the provider is not needed for what is known.
    assert [answer.status_code for answer in (before, between, retired, after)] == [503, 200, 401, 200]
    assert before.headers["Retry-After"] == "5"
    assert "WWW-Authenticate" not in before.headers


def add(database: Database, name: str, limits: KeyLimits = NO_LIMITS) -> str:
    with database.connection() as connection:
        return add_key(connection, name, limits).get_secret_value()


async def test_a_key_with_some_tools_gets_a_list_of_its_own_that_no_cache_may_share(
    database: Database, database_url: SecretStr
) -> None:
    whole = add(database, "priya")
    limited = add(database, "arun", KeyLimits(tools=("list_contacts",)))
    async with served(callers="keys", database_url=database_url) as place:
        every, some = await place.tools(whole), await place.tools(limited)
        assert await place.read_as({"Authorization": f"Bearer {limited}"}) == 3
    assert [len(every["tools"]), [tool["name"] for tool in some["tools"]]] == [5, ["list_contacts"]]
    assert [(each["ttl_ms"], each["cache_scope"]) for each in (every, some)] == [(3_600_000, "private")] * 2


async def test_callers_with_oauth_share_one_list_of_all_tools(identity: Identity) -> None:
    async with served(callers="oauth", issuer=identity.issuer) as place:
        listed = await place.tools(await identity.token(place.url))
    assert (len(listed["tools"]), listed["cache_scope"]) == (5, "public")


async def test_a_key_that_has_ended_is_refused_and_the_audit_says_whose_it_was(
    database: Database, database_url: SecretStr, caplog: pytest.LogCaptureFixture, audit: list[dict[str, Any]]
) -> None:
    key = add(database, "priya", KeyLimits(timedelta(days=1)))
    with database.connection() as connection:
        connection.execute("UPDATE telecmi_mcp.limited_key SET expires_at = now()")
    async with served(callers="keys", database_url=database_url) as place:
        ended, unknown = await place.ask(key), await place.ask("tmk_" + "A" * 43)
    assert (ended.status_code, unknown.status_code) == (401, 401)
    assert (ended.text, ended.headers["WWW-Authenticate"]) == (unknown.text, unknown.headers["WWW-Authenticate"])
    assert [(line["caller"], line["event"]) for line in audit] == [("priya", "key_ended")]
    assert key not in caplog.text + repr(audit)


async def test_access_keys_let_in_until_they_are_revoked(
    database: Database, database_url: SecretStr, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(access_key_verifier, "REVOKED_AFTER_S", 0.0)
    key = add(database, "priya")
    async with served(callers="keys", database_url=database_url) as place:
        assert await place.read_as({"Authorization": f"Bearer {key}"}) == 3
        nobody, wrong = await place.ask(), await place.ask("tmk_" + "A" * 43)
        with database.connection() as connection:
            revoke_key(connection, "priya")
        revoked = await place.ask(key)
    assert [answer.status_code for answer in (nobody, wrong, revoked)] == [401, 401, 401]
    assert "resource_metadata" not in nobody.headers["WWW-Authenticate"]  # there is nowhere to get a key
    assert key not in caplog.text


async def test_calls_at_once_are_each_made_as_who_made_them(
    database: Database, database_url: SecretStr, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    @asynccontextmanager
    async def watched(settings: TeamSettings, **options: Any) -> AsyncIterator[Team]:
        async with open_team(settings, **options) as team:

            def app_of(caller: str) -> Any:
                asked.append(caller)
                return team.app_of(caller)

            yield replace(team, app_of=app_of)

    monkeypatch.setattr(asgi, "open_team", watched)
    keys = {name: add(database, name) for name in ("priya", "arun")}
    answers: list[int] = []

    async def ask(name: str) -> None:
        answers.append((await place.ask(keys[name])).status_code)

    async with served(callers="keys", database_url=database_url) as place, anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(ask, "priya" if number % 4 else "arun")
    assert answers == [200] * 20
    assert (asked.count("priya"), asked.count("arun")) == (15, 5)


async def test_while_the_database_is_unreachable_no_one_new_is_let_in_and_no_one_is_refused_for_good(
    cluster: Cluster,
) -> None:
    nowhere = SecretStr(cluster.url("no_such_database").get_secret_value())
    async with served(callers="keys", database_url=nowhere) as place:
        unknown = await place.ask("tmk_" + "A" * 43)
        malformed = await place.ask("hunter2")
    assert (unknown.status_code, malformed.status_code) == (503, 401)
    assert unknown.headers["Retry-After"] == "5"
