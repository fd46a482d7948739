"""Dry run of a request, which opens a connection before the first call needs it.

The pool opens the connection, with TLS and through a proxy, as for any request. Then nothing is sent, and a prepared
answer is read: the pool keeps an idle connection, and the code of a call has run once.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BEFORE_REQUEST = "http11.send_request_headers.started"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class DryRunError(Exception):
    """A dry run was about to send its request to TeleCMI."""


class _Stream(Protocol):
    def answer_once(self, answer: bytes) -> None: ...


class DryRun:
    """A request that is not sent, on a connection that is opened for it.

    Args:
        body: Body of the prepared answer.

    Attributes:
        stream: The connection that was opened for the request.
    """

    def __init__(self, body: bytes) -> None:
        self.stream: _Stream | None = None
        self._answer = _HEAD % len(body) + body

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Answer before a request is sent, except to a proxy; for httpcore2's extension "trace".

        Raises:
            DryRunError: The connection was not opened for this dry run.
        """
        if event == _BEFORE_REQUEST and info["request"].method != b"CONNECT":
            if self.stream is None:
                raise DryRunError
            self.stream.answer_once(self._answer)


_DRY_RUN: ContextVar[DryRun | None] = ContextVar("dry_run", default=None)


def current_dry_run() -> DryRun | None:
    """Return the dry run of this context."""
    return _DRY_RUN.get()


@contextmanager
def dry_running(dry_run: DryRun) -> Iterator[None]:
    """Make all requests of this context a dry run."""
    token = _DRY_RUN.set(dry_run)
    try:
        yield
    finally:
        _DRY_RUN.reset(token)
