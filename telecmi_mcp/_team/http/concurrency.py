"""Bounds the number of simultaneous requests, in all and of each caller, and the time of each."""

from __future__ import annotations

from collections import Counter, OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import anyio
from starlette.datastructures import Headers

from telecmi_mcp._team.auth.callers import caller_now
from telecmi_mcp._team.http.refusal import refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_REQUESTS: Final = 512
"""Maximum number of simultaneous requests of one process."""

MARGIN_S: Final = 15.0
"""Time of a request beyond that of a tool call: to read its body and to write the answer."""

REFUSAL_TIMEOUT_S: Final = 1.0
"""Time to send the reason why a request was ended."""

_MAX_RECENT = 10_000
_SLOT = "telecmi_mcp.slot"
_AGAIN = {"Retry-After": "1"}


def max_requests_for(connections: int) -> int:
    """Return the maximum number of requests: fewer than connections, so that a new connection can be answered."""
    return min(MAX_REQUESTS, connections * 2 // 3)


class Slot:
    """Slot of one request.

    Attributes:
        caller: Name of the caller; "" for a caller that is not known yet.
        is_verified: Whether the caller was verified, and not only recognised.
        bearer: Hash of the request's Authorization header.
    """

    def __init__(self, caller: str, bearer: bytes = b"") -> None:
        self.caller = caller
        self.bearer = bearer
        self.is_verified = False


class Slots:
    """Slots of all active requests. No caller, nor all unknown callers together, takes more than a share.

    Args:
        most: Number of slots.
        most_each: Maximum number of slots of one caller; by default a quarter.
    """

    def __init__(self, most: int = MAX_REQUESTS, *, most_each: int | None = None) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()
        self.most_each = max(1, most // 4) if most_each is None else most_each

    @property
    def are_full(self) -> bool:
        """Whether all slots are taken."""
        return self._taken.total() >= self._most

    def take(self, caller: str, bearer: bytes = b"") -> Slot | None:
        """Return a slot for a request; ``None`` if there is none for this caller."""
        if self.are_full or self._taken[caller] >= self.most_each:
            return None
        self._taken[caller] += 1
        return Slot(caller, bearer)

    def assign(self, slot: Slot, caller: str) -> bool:
        """Count a slot for its verified caller, and return whether the caller may have one more."""
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
        """Free a slot."""
        self._taken[slot.caller] -= 1
        if not self._taken[slot.caller]:
            del self._taken[slot.caller]


class RecentCallers:
    """Recognises callers by recently verified Authorization headers, before the header is verified again.

    This decides only whose slot a request takes while it is verified. Verification may wait for the database or the
    identity provider, and requests with invented keys must not take the slots of known callers. Only hashes are kept.
    """

    def __init__(self, most: int = _MAX_RECENT) -> None:
        self._most = most
        self._names: OrderedDict[bytes, str] = OrderedDict()

    def find(self, bearer: bytes) -> str:
        """Return the name of the caller with the header of this hash; "" if it is not recognised."""
        return self._names.get(bearer, "")

    def remember(self, bearer: bytes, name: str) -> None:
        """Recognise this header from now on."""
        self._names[bearer] = name
        self._names.move_to_end(bearer)
        if len(self._names) > self._most:
            self._names.popitem(last=False)

    def forget(self, bearer: bytes) -> None:
        """Recognise this header no longer."""
        self._names.pop(bearer, None)


class RequestBounds:
    """Gives each request a slot, answers 503 or 429 if there is none, and 504 to a request that takes too long."""

    def __init__(self, app: ASGIApp, slots: Slots, *, seconds: float, recent: RecentCallers | None = None) -> None:
        self._app = app
        self._slots = slots
        self._seconds = seconds
        self._recent = recent or RecentCallers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, if there is a slot."""
        bearer = bearer_hash(scope)
        caller = self._recent.find(bearer)
        slot = self._slots.take(caller, bearer)
        if slot is None:
            await self._refusal(caller)(scope, receive, send)
            return
        try:
            await self._in_time({**scope, _SLOT: slot}, receive, send)
        finally:
            self._slots.release(slot)
            if not slot.is_verified:
                self._recent.forget(bearer)

    def _refusal(self, caller: str) -> ASGIApp:
        if self._slots.are_full:
            return refusal("Try again in a second: too many requests are active.", 503, _AGAIN)
        if caller:
            return too_many_of_one(self._slots)
        return refusal("Try again in a second: too many callers are being verified.", 503, _AGAIN)

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
        with anyio.move_on_after(REFUSAL_TIMEOUT_S):  # a client that does not read is not waited for
            if started:  # a stream that has started can only be ended: the client sees that it has no answer
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await refusal("The request took too long.", 504)(scope, receive, send)


class CallerBounds:
    """Counts a request's slot for its verified caller, and answers 429 if the caller has too many."""

    def __init__(self, app: ASGIApp, slots: Slots, recent: RecentCallers) -> None:
        self._app = app
        self._slots = slots
        self._recent = recent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, if the caller may have one more."""
        name, slot = caller_now().name, scope[_SLOT]
        self._recent.remember(slot.bearer, name)
        app = self._app if self._slots.assign(slot, name) else too_many_of_one(self._slots)
        await app(scope, receive, send)


def too_many_of_one(slots: Slots) -> ASGIApp:
    """Return the answer to a caller with too many active requests."""
    sentence = f"Try again in a second: a caller has at most {slots.most_each} active requests."
    return refusal(sentence, 429, _AGAIN)


def bearer_hash(scope: Scope) -> bytes:
    """Return the hash of a request's Authorization header, by which ``RecentCallers`` recognises it."""
    return sha256(Headers(scope=scope).get("authorization", "").encode("latin-1")).digest()
