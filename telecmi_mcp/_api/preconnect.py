"""A connection that is opened before it is needed: by a request of the pool's own, which is answered here.

When its first byte would be sent there is TLS, and a proxy has been asked and has answered. From there on nothing is
sent, and a prepared answer is read: the pool is left with an idle connection, and its code has run once.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BEFORE_A_REQUEST = "http11.send_request_headers.started"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class RehearsedError(Exception):
    """A request that only rehearses was about to be sent to TeleCMI."""


class _Stream(Protocol):
    def answer_once(self, answer: bytes) -> None: ...


class Rehearsal:
    """One request that is answered here, on a connection that is opened for it.

    Args:
        body: What the answer holds.

    Attributes:
        stream: The connection that was opened for the request.
    """

    def __init__(self, body: bytes) -> None:
        self.stream: _Stream | None = None
        self._answer = _HEAD % len(body) + body

    async def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Answer before a request is sent, other than to a proxy; for httpcore2's extension "trace".

        Raises:
            RehearsedError: The connection is not this rehearsal's: it would be sent.
        """
        if event == _BEFORE_A_REQUEST and info["request"].method != b"CONNECT":
            if self.stream is None:
                raise RehearsedError
            self.stream.answer_once(self._answer)


_REHEARSAL: ContextVar[Rehearsal | None] = ContextVar("rehearsal", default=None)


def current_rehearsal() -> Rehearsal | None:
    """Return the rehearsal that a request belongs to."""
    return _REHEARSAL.get()


@contextmanager
def rehearsing(rehearsal: Rehearsal) -> Iterator[None]:
    """Rehearse all requests that are made in this context."""
    mark = _REHEARSAL.set(rehearsal)
    try:
        yield
    finally:
        _REHEARSAL.reset(mark)
