"""Tests what ``telecmi-mcp team check`` tells of one request, over real sockets."""

from __future__ import annotations

import socket
import ssl
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import pytest
import trustme
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSStream

from telecmi_mcp._team.checks.request import Failure, get, ping

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import SocketStream

SILENCE_S = 120


@asynccontextmanager
async def answering(answer: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answer each connection with these bytes; keep what was received."""
    received: list[bytes] = []

    async def serve(stream: SocketStream) -> None:
        async with stream:
            with anyio.move_on_after(SILENCE_S):
                with suppress(ssl.SSLError, anyio.EndOfStream, anyio.BrokenResourceError):
                    spoken = await TLSStream.wrap(stream, ssl_context=tls, standard_compatible=False) if tls else stream
                    received.append(await spoken.receive())
                    await spoken.send(answer)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield listener.extra(SocketAttribute.local_port), received  # noqa: S610 - anyio's, not Django's
        tasks.cancel_scope.cancel()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\nX-One: a\r\n\r\nalive\n"


@pytest.mark.parametrize(
    ("answer", "failure"), [(b"SSH-2.0-OpenSSH\r\n", Failure.NOT_HTTP), (b"", Failure.NOT_HTTP), (OK, None)]
)
async def test_what_answers_is_told_apart(answer: bytes, failure: Failure | None) -> None:
    async with answering(answer) as (port, received):
        reply = await ping(f"http://127.0.0.1:{port}/mcp", host="mcp.example.com", bearer="x")
        assert reply.failure is failure
        assert b"host: mcp.example.com\r\n" in received[0].lower()
        assert b"authorization: bearer x\r\n" in received[0].lower()
        secure = await get(f"https://127.0.0.1:{port}/mcp")
    assert secure.failure is Failure.NO_TLS
    assert (reply.body, reply.headers.get("x-one")) == ((b"", None) if failure else (b"alive\n", "a"))


async def test_nothing_that_listens_and_a_name_without_an_address_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert (await get(f"http://127.0.0.1:{port}/")).failure is Failure.CONNECTION_REFUSED
    assert (await get("http://no-such-name.invalid/")).failure is Failure.NO_ADDRESS


async def test_the_faults_of_a_certificate_are_told_apart() -> None:
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    past = datetime(2020, 1, 1, tzinfo=UTC)
    certificates = {
        None: authority.issue_cert("localhost"),
        Failure.OTHER_NAME: authority.issue_cert("other.example"),
        Failure.EXPIRED: authority.issue_cert("localhost", not_after=past),
        Failure.NOT_TRUSTED: trustme.CA().issue_cert("localhost"),
    }
    for failure, certificate in certificates.items():
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
        async with answering(OK, context) as (port, _):
            reply = await get(f"https://localhost:{port}/healthz", trust=trust)
        assert reply.failure is failure
        assert bool(reply.certificate) is (failure is None)
