"""How much the server owes its host: which requests may begin, and how many bytes of answers wait to be read.

A host that asks and does not read leaves its answers here. How long the answer to a request will be is not known while
it runs, so each counts as long as the longest one so far; requests for which there is no room wait unbegun.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_types import JSONRPCRequest

MAX_DUE = 1024
MAX_UNSENT_BYTES = 16 * 1024 * 1024

_ANSWER_BYTES = 256 * 1024  # a page of 100 contacts takes 60 KB, one with long fields up to this
_LONG_ANSWERS = frozenset({"tools/call", "resources/read"})


class Backlog:
    """The requests that want an answer, and the answers that are not written.

    Attributes:
        due: Requests by their id as text, and complaints; counted, since a host may use an id twice.
        unsent: Bytes of the messages that are finished and not written.
    """

    def __init__(self) -> None:
        self.due: Counter[str | int] = Counter()
        self.unsent = 0
        self._longest = _ANSWER_BYTES
        self._running: Counter[str] = Counter()
        self._held: deque[tuple[JSONRPCRequest, int]] = deque()
        self._held_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be read from the host."""
        return self.due.total() >= MAX_DUE or not self.takes_notifications

    @property
    def takes_notifications(self) -> bool:
        """Whether the server may send what is no answer."""
        return self.unsent + self._held_bytes < MAX_UNSENT_BYTES

    def begin(self, request: JSONRPCRequest, size: int) -> bool:
        """Take note of a request of so many bytes, and say whether it may begin; else `next_held` gives it later."""
        self.due[str(request.id)] += 1
        if request.method not in _LONG_ANSWERS:
            return True
        if self._held or not self._has_room():
            self._held.append((request, size))
            self._held_bytes += size
            return False
        self._running[str(request.id)] += 1
        return True

    def next_held(self) -> JSONRPCRequest | None:
        """Return a request that may begin now, the oldest one."""
        if not self._held or not self._has_room():
            return None
        request, size = self._held.popleft()
        self._held_bytes -= size
        self._running[str(request.id)] += 1
        return request

    def give_up_held(self) -> Iterator[JSONRPCRequest]:
        """Yield the requests that never began."""
        while self._held:
            yield self._held.popleft()[0]
        self._held_bytes = 0

    def finish(self, request_id: str, size: int) -> None:
        """Take note of a finished answer: so many bytes, which are not written yet."""
        self.unsent += size
        self._longest = max(self._longest, size)
        _count_down(self._running, request_id)

    def cancel(self, request_id: str) -> None:
        """Forget a request that its host no longer wants answered."""
        for held in [each for each in self._held if str(each[0].id) == request_id]:
            self._held.remove(held)
            self._held_bytes -= held[1]
        _count_down(self._running, request_id)
        self.settle(request_id)

    def settle(self, due: str | int) -> None:
        """Take note of an answer that was written."""
        _count_down(self.due, due)

    def _has_room(self) -> bool:
        running = self._running.total()
        return running == self.unsent == 0 or self.unsent + (running + 1) * self._longest <= MAX_UNSENT_BYTES


def _count_down(counts: Counter[str | int] | Counter[str], name: str | int) -> None:
    known: Counter[str | int] = counts  # type: ignore[assignment]  # a name of either kind
    if known[name] > 1:
        known[name] -= 1
    else:
        known.pop(name, None)
