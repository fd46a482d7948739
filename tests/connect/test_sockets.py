"""The relay over real sockets of hostile and broken servers on loopback."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import pytest
import trustme
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSListener

from connect.relayed import KEY, read_key, relaying
from e2e.lines import call
from telecmi_mcp._connect import relay
from telecmi_mcp._connect.endpoint import parse_endpoint
from telecmi_mcp._connect.team_server import TeamServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from anyio.abc import ByteStream

    Answer = Callable[[ByteStream], Awaitable[None]]

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Server:
    """What a server on loopback received, and where it listens."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.port = 0


@asynccontextmanager
async def serving(answer: Answer, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Answer every request in the same way."""
    state = Server()

    async def handle(stream: ByteStream) -> None:
        async with stream:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                state.received.append(await stream.receive())
                await answer(stream)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        state.port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no database near
        tasks.start_soon((TLSListener(listener, tls, standard_compatible=False) if tls else listener).serve, handle)
        yield state
        tasks.cancel_scope.cancel()


async def refused(url: str) -> str:
    """The sentence of a call at a URL."""
    async with relaying(TeamServer(parse_endpoint(url), read_key)) as client:
        result = (await client.ask(call(1, "get_contact")))["result"]
    assert result["isError"]
    sentence = result["content"][0]["text"]
    assert isinstance(sentence, str)
    return sentence


async def banner(stream: ByteStream) -> None:
    await stream.send(b"SSH-2.0-OpenSSH_9.2\r\n")


async def hang_up(_: ByteStream) -> None:
    """Close the connection without a word."""


async def cut_short(stream: ByteStream) -> None:
    await stream.send(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"jsonrpc":')


async def endless(stream: ByteStream) -> None:
    await stream.send(EVENTS)
    while True:
        await stream.send(b"10000\r\n" + b": ping\n\n" * 8192 + b"\r\n")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (banner, "the connection to it was interrupted"),
        (hang_up, "the connection to it was interrupted"),
        (cut_short, "the connection to it was interrupted"),
        (endless, "its response was too large"),
    ],
)
async def test_a_hostile_or_broken_server_costs_one_call(answer: Answer, sentence: str) -> None:
    async with serving(answer) as server:
        assert sentence in await refused(f"http://127.0.0.1:{server.port}/mcp")


async def drip(stream: ByteStream) -> None:
    await stream.send(EVENTS)
    while True:
        await stream.send(b"2\r\n:\n\r\n")
        await anyio.wait_all_tasks_blocked()


async def test_a_stream_that_drips_for_ever_ends_with_the_time_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "MARGIN_S", -29.8)
    async with serving(drip) as server:
        assert "did not answer within 0.2 s" in await refused(f"http://127.0.0.1:{server.port}/mcp")


async def test_a_redirect_takes_the_key_nowhere() -> None:
    async with serving(hang_up) as elsewhere:

        async def redirect(stream: ByteStream) -> None:
            location = f"http://127.0.0.1:{elsewhere.port}/mcp".encode()
            await stream.send(b"HTTP/1.1 307 X\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location)

        async with serving(redirect) as server:
            assert "a redirect, which was not followed" in await refused(f"http://127.0.0.1:{server.port}/mcp")
            assert KEY.encode() in b"".join(server.received)
    assert elsewhere.received == []


async def test_a_refused_port_is_a_server_that_cannot_be_reached() -> None:
    async with serving(hang_up) as server:
        port = server.port
    assert "the team server cannot be reached" in await refused(f"http://127.0.0.1:{port}/mcp")


async def test_a_certificate_that_is_not_trusted_gets_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    async with serving(hang_up, tls=tls) as server:
        url = f"https://127.0.0.1:{server.port}/mcp"
        assert "the TLS connection to it could not be verified" in await refused(url)
        assert server.received == []
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setattr("telecmi_mcp._api.transport._uses_environment", lambda _: True)  # not for this machine
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert "the connection to it was interrupted" in await refused(url)
        assert KEY.encode() in b"".join(server.received)


async def test_requests_go_through_the_proxy_of_the_environment_and_the_key_inside_tls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with serving(hang_up) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        await refused("https://mcp.example.invalid/mcp")
    assert proxy.received[0].startswith(b"CONNECT mcp.example.invalid:443 ")
    assert KEY.encode() not in b"".join(proxy.received)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "nonsense://127.0.0.1"])
async def test_a_proxy_that_does_not_work_is_named_as_the_cause(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert "a proxy or certificate setting does not work" in await refused("https://mcp.example.invalid/mcp")
