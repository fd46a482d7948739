"""Bytes that belong to no answer: no call reads them, and none fails for them."""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trustme
from pydantic import SecretStr

from hostile import AFTER_THE_NEXT_REQUEST, LATE, TRICKS, HostileTelecmi, contacts_of, follows, owner_of
from telecmi_mcp import Settings, open_app
from telecmi_mcp._api.client import TelecmiClient
from telecmi_mcp._api.http import Channel
from telecmi_mcp._api.http_guard import Connections, GuardedBackend
from telecmi_mcp._api.transport import open_pool
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp._index.request import SearchRequest
from telecmi_mcp.errors import InsecureConnection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from telecmi_mcp import App

ANNS, BOBS = "token-of-ann", "token-of-bob"
HOST = "127.1"  # loopback by a name that does not count as loopback: proxies and SSL_CERT_FILE are heeded

every_trick = pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS.keys())


@asynccontextmanager
async def opened(telecmi: HostileTelecmi, url: str = "", **settings: Any) -> AsyncIterator[App]:
    given = {"token": SecretStr(ANNS), "base_url": url or telecmi.url, "index": "memory", **settings}
    with anyio.fail_after(30):
        async with open_app(Settings(**given)) as app:
            yield app


async def read_everything(telecmi: HostileTelecmi, app: App, token: str) -> None:
    """Make every kind of read several times, and check whose contacts are returned."""
    theirs = {each["contact_id"] for each in contacts_of(token)}
    for contact_id in sorted(theirs) * 2:
        assert (await app.directory.get_contact(contact_id)).company == owner_of(token)
        await telecmi.settled()
        listed = (await app.directory.list_contacts(limit=10)).contacts
        await telecmi.settled()
        assert {each.contact_id for each in listed} == theirs
        assert {each.company for each in listed} == {owner_of(token)}
        if telecmi.trick in LATE:  # a search sends the next request at once: bytes that come then look like its answer
            continue
        found = [hit.contact for hit in (await app.directory.search(SearchRequest(query="Ann1"))).hits]
        assert found
        assert {each.company for each in found} == {owner_of(token)}


@every_trick
async def test_every_read_of_the_local_server_gets_its_own_answer(trick: Any) -> None:
    async with HostileTelecmi(trick).listening() as telecmi, opened(telecmi) as app:
        await read_everything(telecmi, app, ANNS)


@every_trick
async def test_a_login_gets_its_own_answer_on_a_connection_that_nothing_else_uses(trick: Any) -> None:
    async with HostileTelecmi(trick).listening() as telecmi:
        async with opened(telecmi, token=None, user_id="ann", password=SecretStr("secret")) as app:
            assert (await app.client.list_contacts()).contacts[0].company == "ann"
            await telecmi.settled()
            assert (await app.client.list_contacts()).contacts[0].company == "ann"
        assert telecmi.logins == 1
        assert {frozenset(each) for each in telecmi.tokens_of.values()} == {frozenset({"ann"}), frozenset({ANNS})}


@pytest.mark.parametrize(
    "trick", [*TRICKS.values(), AFTER_THE_NEXT_REQUEST], ids=[*TRICKS.keys(), "after the next request"]
)
async def test_two_accounts_share_no_connection_and_get_their_own_answers(trick: Any) -> None:
    async with HostileTelecmi(trick).listening() as telecmi:
        channel = Channel(telecmi.url)
        channels = {token: channel.separate() for token in (ANNS, BOBS)}
        clients = {token: TelecmiClient(each, FixedToken(SecretStr(token))) for token, each in channels.items()}
        with anyio.fail_after(30):
            for _ in range(5):
                for token, client in clients.items():
                    assert {each.company for each in (await client.list_contacts()).contacts} == {owner_of(token)}
                    await telecmi.settled()
        for client in clients.values():
            await client.aclose()
        assert all(len(tokens) == 1 for tokens in telecmi.tokens_of.values())


async def test_bytes_that_come_just_before_the_request_is_sent_cost_a_connection_and_no_call() -> None:
    async with HostileTelecmi(TRICKS["nothing"]).listening() as telecmi:
        backend = GuardedBackend(Connections(8))
        pool = open_pool(telecmi.url, await Channel(telecmi.url)._host.certificates(), backend)

        async def surprise(event: str, _: object) -> None:
            if event == "http11.send_request_body.complete" and len(telecmi.tokens_of) == 1:
                await telecmi.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        with anyio.fail_after(30):
            for extensions in ({}, {"trace": surprise}):
                response = await pool.request("POST", telecmi.url, content=b'{"token":"ann"}', extensions=extensions)
                assert b"ann" in response.content
            await pool.aclose()
        assert (telecmi.requests, len(telecmi.tokens_of)) == (2, 2), "it was sent once, on another connection"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this computer trusts, and no proxy."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def serving(authority: trustme.CA, name: str) -> SSLContext:
    context = SSLContext(PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.slow
@every_trick
async def test_every_read_inside_tls_gets_its_own_answer(trick: Any, authority: trustme.CA) -> None:
    async with (
        HostileTelecmi(trick, tls=serving(authority, HOST)).listening() as telecmi,
        opened(telecmi, f"https://{HOST}:{telecmi.port}") as app,
    ):
        await read_everything(telecmi, app, ANNS)


@pytest.mark.parametrize("name", ["the answer and another's", "another's before the next request"])
async def test_every_read_through_a_proxy_gets_its_own_answer(
    name: str, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = serving(authority, "telecmi.invalid")
    async with HostileTelecmi(TRICKS[name], tls=tls, is_proxy=True).listening() as telecmi:
        monkeypatch.setenv("HTTPS_PROXY", telecmi.url)
        async with opened(telecmi, "https://telecmi.invalid") as app:
            await read_everything(telecmi, app, ANNS)


@pytest.mark.parametrize("surplus", [b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_what_follows_a_proxys_answer_does_not_pass_for_bytes_inside_tls(
    surplus: bytes, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = serving(authority, "telecmi.invalid")
    hostile = HostileTelecmi(follows(lambda _: b""), tls=tls, is_proxy=True, after_tunnel=surplus)
    async with hostile.listening() as telecmi:
        monkeypatch.setenv("HTTPS_PROXY", telecmi.url)
        async with opened(telecmi, "https://telecmi.invalid") as app:
            for _ in range(3):
                with pytest.raises(InsecureConnection):
                    await app.client.list_contacts()


@pytest.mark.parametrize("trick", [*TRICKS.values()][1:], ids=[*TRICKS.keys()][1:])
async def test_such_connections_are_counted_and_logged_once_without_their_bytes(
    trick: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="telecmi_mcp")
    counted = []
    async with HostileTelecmi(trick).listening() as telecmi:
        channel = Channel(telecmi.url, on_surplus=lambda: counted.append(1))
        client = TelecmiClient(channel, FixedToken(SecretStr(ANNS)))
        with anyio.fail_after(30):
            for _ in range(4):
                await client.list_contacts()
                await telecmi.settled()
        await client.aclose()
    assert len(telecmi.tokens_of) == 4, "each connection was closed"
    assert len(counted) >= 3
    (record,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "belong to no answer" in record.getMessage()
    assert "somebody-else" not in caplog.text
