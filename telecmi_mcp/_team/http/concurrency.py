"""How many requests are under way at once, in all and of each caller, and how long each may take."""

from __future__ import annotations

from collections import Counter, OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import anyio
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from telecmi_mcp._team.auth.callers import caller_now

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_REQUESTS: Final = 512
"""Requests that one process has under way at once."""

MARGIN_SECONDS: Final = 15.0
"""Seconds that a request may take longer than a tool call: for its body, and to write the answer."""

LAST_SECONDS: Final = 1.0
"""Seconds to tell a caller that the request has ended, and why."""

_MAX_RECENT = 10_000
_SLOT = "telecmi_mcp.slot"
_AGAIN = {"Retry-After": "1"}


def max_requests_for(connections: int) -> int:
    """Return how many requests may be under way: fewer than connections, so that a new one can always be answered."""
    return min(MAX_REQUESTS, connections * 2 // 3)


class Slot:
    """The place of one request.

    Attributes:
        caller: Whose it is; "" for a caller who is not known (yet).
        is_verified: Whether the caller was verified, not only recognised.
    """

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self.is_verified = False


class Slots:
    """The places of all requests under way. No caller takes more than a share, nor do all unknown ones together.

    Args:
        most: Places in all.
        most_each: Places of one caller; by default a quarter.
    """

    def __init__(self, most: int = MAX_REQUESTS, *, most_each: int | None = None) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()
        self.most_each = max(1, most // 4) if most_each is None else most_each

    @property
    def are_full(self) -> bool:
        """Whether no place is left for anybody."""
        return self._taken.total() >= self._most

    def take(self, caller: str) -> Slot | None:
        """Return a place for a request; ``None`` where there is none for this caller."""
        if self.are_full or self._taken[caller] >= self.most_each:
            return None
        self._taken[caller] += 1
        return Slot(caller)

    def assign(self, slot: Slot, caller: str) -> bool:
        """Count a place for the caller who was verified; whether that caller may have one more."""
        slot.is_verified = True
        if slot.caller == caller:
            return True
        if self._taken[caller] >= self.most_each:
            return False
        self.release(slot)
        self._taken[caller] += 1
        slot.caller = caller
        return True

    def release(self, slot: Slot) -> None:
        """Count a place no longer."""
        self._taken[slot.caller] -= 1
        if not self._taken[slot.caller]:
            del self._taken[slot.caller]


class RecentCallers:
    """Recognises callers by the Authorization headers that were verified lately, before they are verified again.

    This decides only whose place a request takes meanwhile: verifying may have to wait for a database or an identity
    provider, and whoever sends invented keys then must not take the places of known callers. Only hashes are kept.
    """

    def __init__(self, most: int = _MAX_RECENT) -> None:
        self._most = most
        self._names: OrderedDict[bytes, str] = OrderedDict()

    def find(self, scope: Scope) -> str:
        """Return the name of the caller; "" for one who is not recognised."""
        return self._names.get(_bearer_hash(scope), "")

    def remember(self, scope: Scope, name: str) -> None:
        """Recognise this header from now on."""
        key = _bearer_hash(scope)
        self._names[key] = name
        self._names.move_to_end(key)
        if len(self._names) > self._most:
            self._names.popitem(last=False)

    def forget(self, scope: Scope) -> None:
        """Recognise this header no longer."""
        self._names.pop(_bearer_hash(scope), None)


class RequestBounds:
    """Gives each request a place, answers 503 or 429 where there is none, and 504 to a request that takes too long."""

    def __init__(self, app: ASGIApp, slots: Slots, *, seconds: float, recent: RecentCallers | None = None) -> None:
        self._app = app
        self._slots = slots
        self._seconds = seconds
        self._recent = recent or RecentCallers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, if there is a place."""
        caller = self._recent.find(scope)
        slot = self._slots.take(caller)
        if slot is None:
            await self._refusal(caller)(scope, receive, send)
            return
        try:
            await self._in_time({**scope, _SLOT: slot}, receive, send)
        finally:
            self._slots.release(slot)
            if not slot.is_verified:
                self._recent.forget(scope)

    def _refusal(self, caller: str) -> ASGIApp:
        if self._slots.are_full:
            return PlainTextResponse("Try again in a second: too much is under way.", 503, _AGAIN)
        if caller:
            return too_many_of_one(self._slots)
        return PlainTextResponse("Try again in a second: too many callers are being verified.", 503, _AGAIN)

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        with anyio.move_on_after(self._seconds) as deadline:
            await self._app(scope, receive, noting)
        if not deadline.cancelled_caught:
            return
        with anyio.move_on_after(LAST_SECONDS):  # who reads nothing is not waited for
            if started:  # what began as a stream ends as one: the caller sees that there is no answer in it
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await PlainTextResponse("The request took too long.", 504)(scope, receive, send)


class CallerBounds:
    """Counts a request's place for the caller who was verified, and answers 429 where that one has too many."""

    def __init__(self, app: ASGIApp, slots: Slots, recent: RecentCallers) -> None:
        self._app = app
        self._slots = slots
        self._recent = recent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, if the caller may have one more."""
        name = caller_now().name
        self._recent.remember(scope, name)
        app = self._app if self._slots.assign(scope[_SLOT], name) else too_many_of_one(self._slots)
        await app(scope, receive, send)


def too_many_of_one(slots: Slots) -> ASGIApp:
    """Return the answer to a caller who has too many requests under way."""
    sentence = f"Try again in a second: a caller has at most {slots.most_each} requests under way at once."
    return PlainTextResponse(sentence, 429, _AGAIN)


def _bearer_hash(scope: Scope) -> bytes:
    return sha256(Headers(scope=scope).get("authorization", "").encode("latin-1")).digest()
