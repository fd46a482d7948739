"""Running a team's server on uvicorn: where it listens, how long it waits for a slow head, how it stops."""

from __future__ import annotations

import math
import os
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from telecmi_mcp._team._web._asgi import PATH
from telecmi_mcp._team._web._bounds import MARGIN_SECONDS
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from types import FrameType

    from starlette.types import ASGIApp

    from telecmi_mcp._team._settings import TeamSettings
    from telecmi_mcp._team._variables import Address

MAX_CONNECTIONS: Final = 2048
"""Connections at once, the idle ones among them; above that uvicorn answers 503."""

HEAD_SECONDS: Final = 10.0
"""Seconds in which the head of a request must have come, from when the connection was free for it."""

_INTERRUPTED = 130
_IDLE_SECONDS = 75  # longer than proxies keep a connection (nginx: 60), so that they close it and lose no request


def serve_http(app: ASGIApp, settings: TeamSettings) -> int:
    """Serve until a signal comes, then finish the calls in flight.

    Returns:
        The exit code: 0 after SIGTERM, which is how services are stopped; 130 after Ctrl-C, as everywhere.

    Raises:
        ConfigurationError: The address cannot be listened at.
    """
    server = _Server(_configured(app, settings))
    server.run(sockets=[_listen(settings.listen)])
    return server.exit_code


def _configured(app: ASGIApp, settings: TeamSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=HeadBound,
        ws="none",
        lifespan="on",
        log_config=None,  # its loggers write as all others do: without secrets, one line each
        access_log=False,  # the audit has what is worth knowing of a call
        proxy_headers=False,  # who calls is known by a key or a token, never by an address that somebody wrote
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=math.ceil(settings.common.timeout + MARGIN_SECONDS) + 1,
    )


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server(address, family=family, backlog=2048)
    except OSError:
        raise ConfigurationError(
            hint="Set TELECMI_HTTP (--http) to another address", fact="this one cannot be listened at"
        ) from None
    # What it accepts inherits this: an answer's head and body are two pieces, and the second would wait 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"


class _Server(uvicorn.Server):
    """uvicorn, with an exit code of ours, and without raising its signals again after a graceful stop."""

    exit_code = 0

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._leave)
        yield  # and never put back: the process ends, and a late signal must not end it in another way

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            print(f"telecmi-mcp: listening on {_url(listener)}", file=sys.stderr, flush=True)  # noqa: T201 - the command's word

    def _leave(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and self.should_exit:
            os._exit(_INTERRUPTED)  # a second Ctrl-C: nobody waits any more, and the kernel closes what is open
        if number == signal.SIGINT:
            self.exit_code = _INTERRUPTED
        self.should_exit = True


class HeadBound(H11Protocol):
    """HTTP/1.1 with a limit on how long the head of a request may take, which uvicorn does not have."""

    patience = HEAD_SECONDS
    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._expect_head(self.patience)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect_head(self.timeout_keep_alive + self.patience)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_due()
        super().connection_lost(exc)

    def _expect_head(self, seconds: float) -> None:
        self._cancel_due()
        self._due = self.loop.call_later(seconds, self._give_up)

    def _cancel_due(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _give_up(self) -> None:
        """Close where no head has come; where one has, its request has limits of its own."""
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()
