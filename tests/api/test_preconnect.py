"""The connection that is opened before the first call: what is sent over it, and when it is closed."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from contextlib import asynccontextmanager
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import TYPE_CHECKING, Any

import anyio
import httpcore2
import pytest
import trustme
from httpx2 import MockTransport, Response
from pydantic import SecretStr

from faults.fault import PAGE
from faults.plays import TOKEN, answer, page
from telecmi_mcp import Settings, open_app
from telecmi_mcp._api.client import TelecmiClient
from telecmi_mcp._api.http import Channel
from telecmi_mcp._api.preconnect import DryRun, DryRunError
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp.errors import InsecureConnection, NotHttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from telecmi_mcp._app import App

HOST = "127.1"  # loopback by a name that does not count as loopback: proxies and SSL_CERT_FILE are heeded


class Telecmi:
    """Listens on loopback, keeps every byte that it receives, and answers each request with a page."""

    def __init__(self, *, tls: SSLContext | None = None, proxied: bool = False, greeting: bytes = b"") -> None:
        self.heard = bytearray()
        self.connections = 0
        self.open = 0
        self._tls, self._proxied, self._greeting = tls, proxied, greeting
        self._visits: set[asyncio.StreamWriter] = set()
        self._moved = asyncio.Event()

    async def listen(self, *, mute: bool = False) -> None:
        tls = None if self._proxied or mute else self._tls
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        await self.hang_up()
        await self._server.wait_closed()

    async def hang_up(self) -> None:
        for visit in self._visits:
            visit.transport.abort()
        await self.until(lambda: not self.open)

    async def until(self, come: Callable[[], object]) -> None:
        """Wait for something that this server notices."""
        while not come():
            self._moved.clear()
            await self._moved.wait()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self._visits.add(writer)
        self._moved.set()
        try:
            writer.write(self._greeting)
            await self._talk(reader, writer)
        except OSError:
            pass
        finally:
            writer.transport.abort()
            self._visits.discard(writer)
            self.open -= 1
            self._moved.set()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.heard += data
            self._moved.set()
            if data.startswith(b"CONNECT"):
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                assert self._tls is not None
                await writer.start_tls(self._tls)
            elif data.startswith(b"POST"):  # it comes in one piece
                writer.write(answer(page()))


@asynccontextmanager
async def opened(telecmi: Telecmi, url: str = "", *, mute: bool = False, **settings: Any) -> AsyncIterator[App]:
    await telecmi.listen(mute=mute)
    base_url = url or f"http://127.0.0.1:{telecmi.port}"
    given: dict[str, Any] = {"token": SecretStr(TOKEN), "base_url": base_url.format(port=telecmi.port), **settings}
    with anyio.fail_after(30):
        async with open_app(Settings(**given)) as app:
            yield app
        await telecmi.until(lambda: not telecmi.open)  # nothing stays open
    await telecmi.close()


async def connected(telecmi: Telecmi, app: App) -> None:
    """Expect calls, and wait until the connection is open and idle."""
    app.preconnect()
    await telecmi.until(lambda: telecmi.connections)
    await quiet()


async def quiet() -> None:
    for _ in range(10):
        await anyio.wait_all_tasks_blocked()
        await anyio.lowlevel.checkpoint()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this computer trusts, and no proxy."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def serving(authority: trustme.CA, *names: str) -> SSLContext:
    context = SSLContext(PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def test_fifty_calls_after_each_other_use_one_connection() -> None:
    telecmi = Telecmi()
    async with opened(telecmi) as app:
        for _ in range(50):
            assert await app.client.list_contacts() == PAGE
        assert telecmi.connections == 1
        assert telecmi.heard.count(b"POST /v3/contact/get HTTP/1.1\r\n") == 50


async def test_64_calls_at_once_use_at_most_8_connections() -> None:
    telecmi = Telecmi()
    async with opened(telecmi) as app:
        app.preconnect()
        async with anyio.create_task_group() as calls:
            for _ in range(64):
                calls.start_soon(app.client.list_contacts)
        await quiet()
        assert telecmi.open <= 8
        assert telecmi.heard.count(b"POST ") == 64


async def test_the_first_call_uses_the_connection_that_was_opened_for_it() -> None:
    telecmi = Telecmi()
    async with opened(telecmi) as app:
        await connected(telecmi, app)
        assert (telecmi.connections, bytes(telecmi.heard)) == (1, b""), "not a byte before the call"
        app.preconnect()
        assert await app.client.list_contacts() == PAGE
        assert await app.client.list_contacts() == PAGE
        app.preconnect()
        await quiet()
        assert telecmi.connections == 1


async def test_an_address_without_tls_is_reached_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("http", "asyncio_backend"):
        monkeypatch.setattr(f"telecmi_mcp._api.{module}.run_sync", None)
    telecmi = Telecmi()
    async with opened(telecmi) as app:
        assert await app.client.list_contacts() == PAGE


async def test_a_dry_run_reads_a_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(
        "telecmi_mcp._api.protocol.read_contact", lambda answer, *_, **__: read.append(answer["contacts"])
    )
    telecmi = Telecmi()
    async with opened(telecmi) as app:
        await connected(telecmi, app)
        assert read == [[{"contact_id": "00000000-0000-4000-8000-000000000000", "first_name": "Nobody"}]]
        assert telecmi.heard == b""


async def test_a_dry_run_sends_nothing_over_a_connection_of_another_request() -> None:
    with pytest.raises(DryRunError):
        await DryRun(b"{}").trace(
            "http11.send_request_headers.started", {"request": httpcore2.Request("POST", "http://a")}
        )


async def test_a_connection_with_tls_is_opened_in_advance(authority: trustme.CA) -> None:
    telecmi = Telecmi(tls=serving(authority, HOST))
    async with opened(telecmi, f"https://{HOST}:{{port}}") as app:
        await connected(telecmi, app)
        assert telecmi.heard == b""
        assert await app.client.list_contacts() == PAGE
        assert telecmi.connections == 1


async def test_a_proxy_is_asked_once_for_the_connection(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    telecmi = Telecmi(tls=serving(authority, "telecmi.invalid"), proxied=True)
    async with opened(telecmi, "https://telecmi.invalid") as app:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{telecmi.port}")
        await connected(telecmi, app)
        await telecmi.until(lambda: telecmi.heard)
        await quiet()
        assert telecmi.heard.startswith(b"CONNECT telecmi.invalid:443 ")
        assert b"POST" not in telecmi.heard
        assert TOKEN.encode() not in telecmi.heard
        assert await app.client.list_contacts() == PAGE
        assert await app.client.list_contacts() == PAGE
        assert (telecmi.connections, telecmi.heard.count(b"CONNECT ")) == (1, 1)
        assert telecmi.heard.count(b"POST ") == 2


@pytest.mark.parametrize("settings", [{"preconnect": False}, {"token": None}], ids=["off", "not signed in"])
async def test_no_connection_is_opened_in_advance(settings: dict[str, Any]) -> None:
    telecmi = Telecmi()
    async with opened(telecmi, **settings) as app:
        app.preconnect()
        await quiet()
        assert telecmi.connections == 0


async def test_no_connection_is_opened_in_advance_after_the_first_call() -> None:
    telecmi = Telecmi()
    async with opened(telecmi) as app:
        await app.client.list_contacts()
        app.preconnect()
        await quiet()
        assert telecmi.connections == 1


async def test_a_connection_that_was_closed_before_its_use_is_replaced() -> None:
    telecmi = Telecmi()
    async with opened(telecmi) as app:
        await connected(telecmi, app)
        await telecmi.hang_up()
        assert await app.client.list_contacts() == PAGE
        assert (telecmi.connections, telecmi.heard.count(b"POST ")) == (2, 1), "no attempt was lost"


async def test_the_call_reports_a_server_that_does_not_speak_http() -> None:
    telecmi = Telecmi(greeting=b"SSH-2.0-OpenSSH_9.6\r\n")
    async with opened(telecmi) as app:
        await connected(telecmi, app)
        with pytest.raises(NotHttp):
            await app.client.list_contacts()


async def test_the_call_reports_a_wrong_certificate(authority: trustme.CA) -> None:
    telecmi = Telecmi(tls=serving(authority, "quagga.invalid"))
    async with opened(telecmi, f"https://{HOST}:{{port}}") as app:
        app.preconnect()
        await quiet()
        with pytest.raises(InsecureConnection):
            await app.client.list_contacts()
        assert telecmi.heard == b""


async def test_a_call_does_not_wait_for_a_connection_that_hangs(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("client", "http"):
        monkeypatch.setattr(f"telecmi_mcp._api.{module}.PRECONNECT_TIMEOUT_S", 60)
    telecmi = Telecmi(tls=serving(authority, HOST))
    async with opened(telecmi, f"https://{HOST}:{{port}}", mute=True, timeout=120) as app:
        app.preconnect()
        await telecmi.until(lambda: telecmi.heard)  # its handshake, which gets no answer
        async with anyio.create_task_group() as calls:
            calls.start_soon(app.client.list_contacts)
            await telecmi.until(lambda: telecmi.connections == 2)
            with anyio.fail_after(15):  # long before either would end by itself
                await telecmi.until(lambda: telecmi.open == 1)  # the one in advance is given up
            calls.cancel_scope.cancel()


async def test_the_app_is_closed_while_the_connection_is_opened(authority: trustme.CA) -> None:
    telecmi = Telecmi(tls=serving(authority, HOST))
    async with opened(telecmi, f"https://{HOST}:{{port}}", mute=True) as app:
        app.preconnect()
        await telecmi.until(lambda: telecmi.heard)


async def test_an_unused_connection_is_closed_and_the_next_call_opens_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telecmi_mcp._api.http_guard.KEEPALIVE_S", 0)
    telecmi = Telecmi()
    async with opened(telecmi) as app:
        app.preconnect()
        await telecmi.until(lambda: telecmi.connections)
        await telecmi.until(lambda: not telecmi.open)
        assert await app.client.list_contacts() == PAGE
        assert telecmi.connections == 2


@pytest.mark.skipif(sys.platform != "linux", reason="it counts descriptors in /proc")
async def test_no_descriptor_is_left_behind() -> None:
    def count() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only their number

    async def use() -> None:
        telecmi = Telecmi()
        async with opened(telecmi) as app:
            await connected(telecmi, app)
            await app.client.list_contacts()
        await quiet()

    await use()  # a thread's and the like stay
    before = count()
    await use()
    assert count() == before


async def test_a_test_transport_is_not_used_in_advance() -> None:
    telecmi = Telecmi()
    await telecmi.listen()
    channel = Channel(f"http://127.0.0.1:{telecmi.port}", transport=MockTransport(lambda _: Response(200)))
    await TelecmiClient(channel, FixedToken(None)).preconnect()
    await quiet()
    assert telecmi.connections == 0
    await telecmi.close()
