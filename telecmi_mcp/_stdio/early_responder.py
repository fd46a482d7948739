"""Answers the first messages of a session while another thread imports the server.

The server then gets everything that was read, from the beginning, so that its state is as without early answers.
"""

from __future__ import annotations

import os
import select
import sys
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from telecmi_mcp._stdio.descriptors import can_wait_for, may_not_block
from telecmi_mcp._stdio.known_messages import MAX_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telecmi_mcp._stdio.early_answers import EarlyAnswers

_CHUNK_BYTES = 64 * 1024
_SWITCH_INTERVAL_S = 0.0005  # with the usual 0.005 each answer waits so long for the importing thread


class EarlySession(NamedTuple):
    """The part of a session before the server takes over.

    Attributes:
        lines: Messages that were understood, in order.
        answers: Lines of the answers that were given, by the request's id as text.
        unsent: End of the last answer, which the client has not read yet.
        unread: Bytes that were read after these messages.
        ended: Whether the input has ended.
    """

    lines: tuple[bytes, ...] = ()
    answers: dict[str, bytes] = {}  # noqa: RUF012 - never changed
    unsent: bytes = b""
    unread: bytes = b""
    ended: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the client has ended the input, and nothing is left for the server to do."""
        return self.ended and not (self.unsent or self.unread.strip())


NO_EARLY_SESSION = EarlySession()


def can_answer_early(wire: tuple[int, int]) -> bool:
    """Whether both descriptors can be waited for, so that no early answer blocks."""
    return can_wait_for(wire[0]) and may_not_block(wire[1])


def answer_while(load: Callable[[], None], wire: tuple[int, int], answers: EarlyAnswers) -> EarlySession:
    """Run ``load`` in another thread, and answer known messages until it returns, or until the session is over.

    Raises:
        BaseException: The exception of ``load``.
    """
    failures: list[BaseException] = []
    loaded, loading = os.pipe()

    def run() -> None:
        try:
            load()
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            failures.append(error)
        finally:
            os.close(loading)

    thread = Thread(target=run, name="imports", daemon=True)  # a signal does not wait for it
    thread.start()
    try:
        with _short_switch_interval():
            session = EarlyResponder(wire, answers).run(until=loaded)
        if session.is_over:
            return session
        thread.join()
    finally:
        os.close(loaded)
    if failures:
        raise failures[0]
    return session


@contextmanager
def _short_switch_interval() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


class EarlyResponder:
    """Reads lines of a descriptor and writes their early answers to another one; never blocks.

    Args:
        wire: Descriptors to read and to write.
        answers: Answers of the messages that are known.
    """

    def __init__(self, wire: tuple[int, int], answers: EarlyAnswers) -> None:
        self._stdin, self._stdout = wire
        self._answers = answers
        self._is_open = True
        self._lines: list[bytes] = []
        self._unsent = b""
        self._unread = b""
        self._ended = False

    def run(self, *, until: int) -> EarlySession:
        """Answer until the other end of the descriptor ``until`` is closed, or a message is not known."""
        os.set_blocking(self._stdout, False)
        poll = select.poll()
        for fd in (self._stdin, until):
            poll.register(fd, select.POLLIN)
        while self._is_open:
            ready = {fd for fd, _ in poll.poll()}
            if until in ready:
                break
            self._read()
        return EarlySession(tuple(self._lines), self._answers.sent, self._unsent, self._unread, self._ended)

    def _read(self) -> None:
        try:
            data = os.read(self._stdin, _CHUNK_BYTES)  # the descriptor is ready, so this does not block
        except ConnectionResetError:
            data = b""
        self._ended = not data
        self._unread += data
        while self._is_open and b"\n" in self._unread:
            self._answer(self._unread[: self._unread.index(b"\n")])
        self._is_open &= not self._ended and len(self._unread) <= MAX_LINE_BYTES

    def _answer(self, line: bytes) -> None:
        answer = self._answers.answer(line)
        if answer is None:
            self._is_open = False
            return
        self._lines.append(line)
        self._unread = self._unread[len(line) + 1 :]
        if answer:
            self._unsent = _write(self._stdout, answer)
            self._is_open = not self._unsent


def _write(fd: int, data: bytes) -> bytes:
    """Write what the client takes at once, and return the rest."""
    try:
        return data[os.write(fd, data) :]
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        return data  # the transport writes it later, or meets the same error
