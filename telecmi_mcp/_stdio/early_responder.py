"""The door: answers a session's first messages while another thread imports the server that takes over.

The server is handed all that was read, from the beginning, so that its state is as if nobody had stood here.
"""

from __future__ import annotations

import os
import select
import sys
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from telecmi_mcp._stdio.descriptors import can_wait_for, may_not_block
from telecmi_mcp._stdio.prepared_answers import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telecmi_mcp._stdio.prepared_answers import EarlyAnswers

_CHUNK = 64 * 1024
_SWITCH_SECONDS = 0.0005  # the usual 0.005 are what each answer would wait for the thread that imports


class Begun(NamedTuple):
    """A session that has begun before the server was there.

    Attributes:
        lines: The messages that were understood, in order.
        told: What was answered, by the request's id as text.
        unsent: The end of the last answer, which the host has not taken yet.
        rest: What was read after these messages.
        ended: Whether the input has ended.
    """

    lines: tuple[bytes, ...] = ()
    told: dict[str, bytes] = {}  # noqa: RUF012 - nobody changes it
    unsent: bytes = b""
    rest: bytes = b""
    ended: bool = False


NOT_BEGUN = Begun()


def can_open(wire: tuple[int, int]) -> bool:
    """Whether both descriptors can be waited for, so that nothing is ever stuck in the door."""
    return can_wait_for(wire[0]) and may_not_block(wire[1])


def answer_while(load: Callable[[], None], wire: tuple[int, int], answers: EarlyAnswers) -> Begun:
    """Answer what is known for certain, until another thread has loaded the rest.

    Raises:
        BaseException: What ``load`` raises.
    """
    failures: list[BaseException] = []
    loaded, told = os.pipe()

    def run() -> None:
        try:
            load()
        except BaseException as error:  # noqa: BLE001 - raised again below, where the interpreter tells it
            failures.append(error)
        finally:
            os.close(told)

    thread = Thread(target=run, name="imports", daemon=True)  # a signal does not wait for it
    thread.start()
    try:
        with _switching_often():
            begun = EarlyResponder(wire, answers).stand_open(until=loaded)
        thread.join()
    finally:
        os.close(loaded)
    if failures:
        raise failures[0]
    return begun


@contextmanager
def _switching_often() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


class EarlyResponder:
    def __init__(self, wire: tuple[int, int], answers: EarlyAnswers) -> None:
        self._stdin, self._stdout = wire
        self._answers = answers
        self._is_open = True
        self._lines: list[bytes] = []
        self._unsent = b""
        self._rest = b""
        self._ended = False

    def stand_open(self, *, until: int) -> Begun:
        """Answer until the descriptor ``until`` is closed on its other side, or something is not known."""
        os.set_blocking(self._stdout, False)
        poll = select.poll()
        for fd in (self._stdin, until):
            poll.register(fd, select.POLLIN)
        while self._is_open:
            ready = {fd for fd, _ in poll.poll()}
            if until in ready:
                break
            self._read()
        return Begun(tuple(self._lines), self._answers.told, self._unsent, self._rest, self._ended)

    def _read(self) -> None:
        try:
            data = os.read(self._stdin, _CHUNK)  # ready, so it does not block, whatever the descriptor's mode
        except ConnectionResetError:
            data = b""
        self._ended = not data
        self._rest += data
        while self._is_open and b"\n" in self._rest:
            self._take(self._rest[: self._rest.index(b"\n")])
        self._is_open &= not self._ended and len(self._rest) <= LONGEST

    def _take(self, line: bytes) -> None:
        answer = self._answers.answer(line)
        if answer is None:
            self._is_open = False
            return
        self._lines.append(line)
        self._rest = self._rest[len(line) + 1 :]
        if answer:
            self._unsent = _written(self._stdout, answer)
            self._is_open = not self._unsent


def _written(fd: int, data: bytes) -> bytes:
    """Write what is taken at once, and return what is left."""
    try:
        return data[os.write(fd, data) :]
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        return data  # who comes after the door waits for room, or learns the same
