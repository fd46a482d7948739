"""Bounds what the server owes a client: the requests without an answer, and the bytes of answers not yet written.

A client that sends and does not read leaves its answers in memory. The size of an answer is unknown while its request
runs, so each running request counts as the longest answer so far. Requests beyond the bound are held.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_types import JSONRPCRequest

MAX_DUE = 1024
MAX_UNSENT_BYTES = 16 * 1024 * 1024

_ANSWER_BYTES = 256 * 1024  # a page of 100 contacts has 60 KB, with long fields up to this
_METHODS_WITH_LONG_ANSWERS = frozenset({"tools/call", "resources/read"})


class Backlog:
    """Requests that wait for an answer, and answers that are not written.

    Attributes:
        due: Number of answers that are due for each request id as text, since a client may use an id twice; error
            answers to unreadable lines count too.
        unsent_bytes: Bytes of the messages that are ready and not written.
    """

    def __init__(self) -> None:
        self.due: Counter[str | int] = Counter()
        self.unsent_bytes = 0
        self._longest_bytes = _ANSWER_BYTES
        self._running: Counter[str | int] = Counter()
        self._held: deque[tuple[JSONRPCRequest, int]] = deque()
        self._held_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether the transport must stop reading."""
        return self.due.total() >= MAX_DUE or not self.takes_notifications

    @property
    def takes_notifications(self) -> bool:
        """Whether the server may send notifications."""
        return self.unsent_bytes + self._held_bytes < MAX_UNSENT_BYTES

    def start(self, request: JSONRPCRequest, size: int) -> bool:
        """Count a request of ``size`` bytes; return whether it may start now, else `next_held` returns it later."""
        self.due[str(request.id)] += 1
        if request.method not in _METHODS_WITH_LONG_ANSWERS:
            return True
        if self._held or not self._has_capacity():
            self._held.append((request, size))
            self._held_bytes += size
            return False
        self._running[str(request.id)] += 1
        return True

    def next_held(self) -> JSONRPCRequest | None:
        """Return the oldest held request that may start now."""
        if not self._held or not self._has_capacity():
            return None
        request, size = self._held.popleft()
        self._held_bytes -= size
        self._running[str(request.id)] += 1
        return request

    def drop_held(self) -> Iterator[JSONRPCRequest]:
        """Yield the requests that never started."""
        while self._held:
            yield self._held.popleft()[0]
        self._held_bytes = 0

    def finish(self, request_id: str, size: int) -> None:
        """Count an answer of ``size`` bytes that is ready and not written."""
        self.unsent_bytes += size
        self._longest_bytes = max(self._longest_bytes, size)
        _count_down(self._running, request_id)

    def cancel(self, request_id: str) -> None:
        """Forget a request that the client has cancelled."""
        for held in [each for each in self._held if str(each[0].id) == request_id]:
            self._held.remove(held)
            self._held_bytes -= held[1]
        _count_down(self._running, request_id)
        self.settle(request_id)

    def settle(self, due: str | int) -> None:
        """Count an answer that was written."""
        _count_down(self.due, due)

    def _has_capacity(self) -> bool:
        running = self._running.total()
        if running == self.unsent_bytes == 0:
            return True
        return self.unsent_bytes + (running + 1) * self._longest_bytes <= MAX_UNSENT_BYTES


def _count_down(counts: Counter[str | int], key: str | int) -> None:
    if counts[key] > 1:
        counts[key] -= 1
    else:
        counts.pop(key, None)
