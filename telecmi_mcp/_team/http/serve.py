"""Runs the team server on uvicorn: listens, bounds slow requests and idle connections, and stops gracefully."""

from __future__ import annotations

import asyncio
import errno
import gc
import math
import os
import signal
import socket
import sys
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from telecmi_mcp._team.config import variables
from telecmi_mcp._team.http.concurrency import MARGIN_S
from telecmi_mcp._team.http.routes import PATH
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from starlette.types import ASGIApp
    from uvicorn.server import ServerState

    from telecmi_mcp._config.variables import Setting
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.config.variables import Address
    from telecmi_mcp._team.http.connections import ConnectionLimit

HEAD_TIMEOUT_S: Final = 10.0
"""Time in which the head of a request must arrive, from the end of the previous request."""

_INTERRUPTED = 130
_BACKLOG = 2048  # connections that the kernel queues
_CANNOT_LISTEN = "Set {} to another address", "the server cannot listen at this one"
_LISTEN_ERRORS = {
    errno.EADDRINUSE: ("Stop the other program, or set {} to another port", "another program uses this port"),
    errno.EACCES: (
        "Set {} to a port from 1024 on, or allow the process to bind lower ones",
        "it has no permission to use this port",
    ),
    errno.EADDRNOTAVAIL: ("Set {} to an address of this machine", "this machine does not have this one"),
}
_ADMIN_GRACEFUL_S = 3
_IDLE_TIMEOUT_S = 75  # longer than proxies keep a connection (nginx: 60): the proxy closes first and loses no request


def serve_http(
    app: ASGIApp, settings: TeamSettings, limit: ConnectionLimit, *, admin: AdminListener | None = None
) -> int:
    """Serve until a signal comes, then finish the calls in flight.

    Args:
        app: The ASGI app.
        settings: The address to listen at, and the time of a call.
        limit: The limit of connections.
        admin: The listener of administrators; ``None`` for none.

    Returns:
        The exit code: 0 after SIGTERM, 130 after Ctrl-C.

    Raises:
        ConfigurationError: The address cannot be used.
    """
    seconds = math.ceil(settings.common.timeout + MARGIN_S) + 1
    config = _configured(app, limit, lifespan="on", graceful_s=seconds)
    with ExitStack() as sockets:
        listener = sockets.enter_context(_listen(settings.listen, variables.HTTP))
        admin_server = None
        if admin is not None:
            admin_server = _AdminServer(admin, sockets.enter_context(_listen(admin.address, variables.ADMIN_HTTP)))
        server = _Server(config, limit, admin_server)
        server.run(sockets=[listener])
    return server.exit_code


def _configured(
    app: ASGIApp, limit: ConnectionLimit, *, lifespan: Literal["on", "off"], graceful_s: int
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=cast("type[HeadBound]", partial(HeadBound, limit=limit)),  # uvicorn only calls it
        ws="none",
        lifespan=lifespan,
        log_config=None,  # its loggers use the format of all others: one line, secrets masked
        access_log=False,  # the audit records calls
        proxy_headers=False,  # callers are known by a key or a token, never by an address in a header
        server_header=False,
        backlog=limit.accepted_at_once,  # asyncio accepts so many connections in a row
        timeout_keep_alive=_IDLE_TIMEOUT_S,
        timeout_graceful_shutdown=graceful_s,
    )


def _listen(address: Address, setting: Setting) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as why:
        hint, fact = _LISTEN_ERRORS.get(why.errno or 0, _CANNOT_LISTEN)
        raise ConfigurationError(hint=hint.format(f"{setting.variable} ({setting.flag})"), fact=fact) from None
    # Accepted sockets inherit this. Otherwise the body of an answer would wait 40 ms after its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _freeze_heap() -> None:
    """Let the garbage collector skip what the start created: that saves 7 to 9 % of the CPU of a call."""
    gc.collect()
    gc.freeze()


def _url(listener: socket.socket, path: str) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"


class AdminListener(NamedTuple):
    """A second listener of the process.

    Attributes:
        app: Its ASGI app.
        address: Where it listens.
        limit: The limit of its connections.
        path: The path of its page for a person.
    """

    app: ASGIApp
    address: Address
    limit: ConnectionLimit
    path: str


class _AdminServer(uvicorn.Server):
    """A server beside the main one, in the same event loop; it stops with the main one."""

    def __init__(self, admin: AdminListener, listener: socket.socket) -> None:
        super().__init__(_configured(admin.app, admin.limit, lifespan="off", graceful_s=_ADMIN_GRACEFUL_S))
        self._listener = listener
        self._path = admin.path
        self._serving: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals are the main server's

    def start(self) -> None:
        """Begin to serve."""
        self._serving = asyncio.create_task(self.serve(sockets=[self._listener]))
        print(f"telecmi-mcp: for administrators: {_url(self._listener, self._path)}", file=sys.stderr, flush=True)  # noqa: T201 - the command's word

    async def stop(self) -> None:
        """Stop serving, and wait until the last connection is closed."""
        self.should_exit = True
        if self._serving is not None:
            await self._serving


class _Server(uvicorn.Server):
    """uvicorn with an exit code, and without raising its signals again after a graceful stop."""

    exit_code = 0

    def __init__(
        self, config: uvicorn.Config, limit: ConnectionLimit, admin_server: _AdminServer | None = None
    ) -> None:
        super().__init__(config)
        self._connection_limit = limit
        self._admin_server = admin_server

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._leave)
        yield  # the handlers stay: a late signal must not end the process in another way

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._connection_limit.handle_loop_error)
        await super().startup(sockets)
        _freeze_heap()
        for listener in sockets or []:
            listener.listen(_BACKLOG)  # asyncio has set the kernel's queue to the number above
            print(f"telecmi-mcp: listening on {_url(listener, PATH)}", file=sys.stderr, flush=True)  # noqa: T201 - the command's word
        if self._admin_server is not None and self.started:
            self._admin_server.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        stop = () if self._admin_server is None else (self._admin_server.stop(),)
        await asyncio.gather(super().shutdown(sockets), *stop)

    def _leave(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and self.should_exit:
            os._exit(_INTERRUPTED)  # a second Ctrl-C ends the process at once
        if number == signal.SIGINT:
            self.exit_code = _INTERRUPTED
        self.should_exit = True


class JoinedWrites:
    """A transport that sends what is written in one turn of the loop at once.

    uvicorn writes the head and the body of an answer by two calls, and each costs the system a packet.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send some bytes before the next turn of the loop."""
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)

    def close(self) -> None:
        """Close the connection after what was written."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        if data := b"".join(pieces):
            self._transport.write(data)


class HeadBound(H11Protocol):
    """HTTP/1.1 with limits that uvicorn does not have: on the time for a request's head, and on idle connections."""

    head_timeout = HEAD_TIMEOUT_S
    _due: asyncio.TimerHandle | None = None

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limit: ConnectionLimit,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limit = limit

    def abort(self) -> None:
        """Close the connection at once; a graceful close would wait for a client that does not read."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(cast("asyncio.Transport", JoinedWrites(transport, self.loop)))
        if self._limit.add(self):
            self._expect_head(self.head_timeout)
        else:
            self._refuse(_BUSY)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_busy:
            self._limit.mark_busy(self)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        is_unread = self.conn.their_state is h11.SEND_BODY  # the answer was sent before the whole body had arrived
        self._expect_head(self.head_timeout if is_unread else self.timeout_keep_alive + self.head_timeout)
        if not self._is_busy:  # the client has not sent its next request already
            self._limit.mark_idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_due()
        self._limit.remove(self)
        super().connection_lost(exc)

    @property
    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self, seconds: float) -> None:
        self._cancel_due()
        self._due = self.loop.call_later(seconds, self._give_up)

    def _cancel_due(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _give_up(self) -> None:
        """Close the connection if no head has arrived; an active request has limits of its own."""
        if self._is_busy:
            return
        began, _ = self.conn.trailing_data
        if self.conn.their_state is h11.IDLE and began and not self.transport.is_closing():
            self._refuse(_SLOW_HEAD)
        else:
            self.abort()

    def _refuse(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()


def _refusal(status: str, sentence: str, *headers: str) -> bytes:
    """Return the bytes of an answer without a request, after which the connection is closed."""
    body = f"{sentence}\n"
    lines = [f"HTTP/1.1 {status}", "Connection: close", "Content-Type: text/plain; charset=utf-8", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


_BUSY = _refusal("503 Service Unavailable", "Try again in a second: too many connections are open.", "Retry-After: 1")
_SLOW_HEAD = _refusal("408 Request Timeout", f"The head of the request did not come within {HEAD_TIMEOUT_S:g} seconds.")
