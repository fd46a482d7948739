"""The network backend: addresses, TLS, and bytes that arrive without a request."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import anyio
import httpcore2
import pytest
import trustme

from faults.server import rest
from telecmi_mcp._api import asyncio_backend
from telecmi_mcp._api.asyncio_backend import MAX_UNREAD_BYTES, AsyncioBackend, AsyncioStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_V4, _V6 = socket.AF_INET, socket.AF_INET6


@asynccontextmanager
async def serving(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Serve on loopback, and yield the port; wait at the end until each connection is closed."""
    visits: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.current_task()
        assert visit is not None
        visits.add(visit)
        with suppress(OSError):
            await talk(reader, writer)
        writer.transport.abort()

    async with await asyncio.start_server(run, "127.0.0.1", 0) as server:
        with anyio.fail_after(30):
            yield server.sockets[0].getsockname()[1]
            await asyncio.gather(*visits)
    await rest()


async def _say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


class Addresses:
    """Resolves every name to the given addresses, and connects only to "live", which is a port of ours."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *addresses: tuple[int, str]) -> None:
        self.addresses = addresses
        self.tried: list[str] = []
        self._connect_one = asyncio_backend._connect_one
        monkeypatch.setattr(asyncio_backend, "_resolve", self._resolve)
        monkeypatch.setattr(asyncio_backend, "_connect_one", self._connect)

    async def _resolve(self, _: str, port: int) -> list[tuple[int, int, int, str, Any]]:
        return [(family, 0, 0, "", (name, port)) for family, name in self.addresses]

    async def _connect(self, address: tuple[str, int]) -> AsyncioStream:
        name, port = address
        self.tried.append(name)
        if name.startswith("silent"):
            await anyio.sleep_forever()
        if name.startswith("dead"):
            raise ConnectionRefusedError(name)
        return await self._connect_one(("127.0.0.1", port))


@pytest.mark.own_time
async def test_the_next_address_is_tried_beside_a_silent_one_after_a_quarter_of_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses = Addresses(monkeypatch, (_V4, "silent"), (_V4, "silent too"), (_V4, "live"))
    async with serving(_say_nothing) as port:
        started_at = anyio.current_time()
        stream = await AsyncioBackend().connect_tcp("telecmi.invalid", port)
        assert anyio.current_time() - started_at == pytest.approx(0.5, abs=0.05)
        await stream.aclose()
    assert addresses.tried == ["silent", "silent too", "live"]


@pytest.mark.own_time
async def test_the_next_address_is_tried_at_once_after_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    Addresses(monkeypatch, (_V4, "dead"), (_V4, "live"))
    async with serving(_say_nothing) as port:
        started_at = anyio.current_time()
        stream = await AsyncioBackend().connect_tcp("telecmi.invalid", port)
        assert anyio.current_time() - started_at < 0.1
        await stream.aclose()


async def test_the_families_of_addresses_are_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    six = [(_V6, f"dead {number} of v6") for number in range(3)]
    addresses = Addresses(monkeypatch, *six, (_V4, "dead 0 of v4"))
    with anyio.fail_after(30), pytest.raises(httpcore2.ConnectError) as met:
        await AsyncioBackend().connect_tcp("telecmi.invalid", 1)
    assert addresses.tried == ["dead 0 of v6", "dead 0 of v4", "dead 1 of v6", "dead 2 of v6"]
    assert str(met.value.__cause__) == "dead 0 of v6", "the first error is reported"


@pytest.mark.own_time
async def test_a_connection_that_is_not_opened_in_time_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    Addresses(monkeypatch, (_V4, "silent"))
    with pytest.raises(httpcore2.ConnectTimeout):
        await AsyncioBackend().connect_tcp("telecmi.invalid", 1, timeout=1)


async def test_a_connection_sends_without_delay() -> None:
    async with serving(_say_nothing) as port:
        connection = await AsyncioBackend().connect_tcp("127.0.0.1", port)
        assert connection.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await connection.aclose()


async def test_unsolicited_bytes_do_not_fill_the_memory() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 16 * 1024 * 1024)
        await _say_nothing(reader, writer)

    async with serving(talk) as port:
        stream = await AsyncioBackend().connect_tcp("127.0.0.1", port)
        await rest()
        assert stream.get_extra_info("is_readable")
        assert len(await stream.read(1 << 30, 20)) <= MAX_UNREAD_BYTES + 256 * 1024
        assert await stream.read(1 << 30, 20), "reading goes on"
        await stream.aclose()


async def test_bytes_before_tls_do_not_pass_for_bytes_inside_it() -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("telecmi.invalid").configure_cert(tls)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.start_tls(tls)

    async with serving(talk) as port:
        stream = await AsyncioBackend().connect_tcp("127.0.0.1", port)
        while not stream.unread:
            await anyio.lowlevel.checkpoint()
        with pytest.raises(httpcore2.ConnectError) as met:
            await stream.start_tls(ours, "telecmi.invalid", 20)
    assert type(met.value.__cause__) is ssl.SSLError, "as something that is not TLS, not as a connection that broke"
