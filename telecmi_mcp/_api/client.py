"""The TeleCMI client: contacts by id and by page, inside a deadline, with retries and limits.

Both calls are reads, so they may be repeated although they are POST.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from contextlib import nullcontext, suppress
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from telecmi_mcp import errors
from telecmi_mcp._api import protocol
from telecmi_mcp._api.cursors import CursorTrail
from telecmi_mcp._api.http import AHEAD_SECONDS
from telecmi_mcp._api.limiters import Gate, RetryBudget, pause_before
from telecmi_mcp._api.transport import MAX_CONNECTIONS
from telecmi_mcp._sanitize import clean

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from pydantic import SecretStr

    from telecmi_mcp._api.http import Channel
    from telecmi_mcp._api.token_source import TokenSource
    from telecmi_mcp._models import Contact, ContactPage

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_AMBIGUOUS = {400, 404}  # besides their own meaning, TeleCMI's answers to an id that it does not know
_NEARLY = 0.98
_SILENCE = 0.5  # of the deadline, after which a second request is sent beside a silent one
_DETAIL_LIMIT = 200
_STAND_IN = "rehearsal"  # for a token
_NOBODY = {"contact_id": "00000000-0000-4000-8000-000000000000", "first_name": "Nobody"}


@dataclass(frozen=True, slots=True)
class RequestHooks:
    """On what terms a host of many people lets each request be sent; on the desk there are none.

    Attributes:
        admit: Is awaited before each request, repeated ones too, with whether it is one of the background: waits for
            its turn, or raises a TelecmiError where that would be too late.
        watch: Is entered around each request, with how often it was repeated before, and gives what is told its HTTP
            status; sees the error that the request ends with.
    """

    admit: Callable[[bool], Awaitable[None]] | None = None
    watch: Callable[[int], AbstractContextManager[Callable[[int], None]]] = lambda _: _UNWATCHED


_UNWATCHED: AbstractContextManager[Callable[[int], None]] = nullcontext(lambda _: None)

NO_HOOKS = RequestHooks()


@dataclass(slots=True)
class _Race:
    """One request, or two for the same, of which the first answer counts.

    Attributes:
        heard_at: When bytes came last for the first of them.
        over: Cancels both.
    """

    heard_at: float
    over: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    alarm: asyncio.TimerHandle | None = None
    runners: int = 1
    answer: dict[str, Any] | None = None
    error: errors.TelecmiError | None = None

    async def run(self, request: Awaitable[dict[str, Any]]) -> None:
        """Wait for one of the requests; what a repetition may mend does not end the other."""
        try:
            self.answer = await request
        except errors.TelecmiError as error:
            self.error = error
            self.runners -= 1
            if error.retries and self.runners:
                return
        if self.alarm is not None:
            self.alarm.cancel()
        if self.runners > (self.answer is not None):
            self.over.cancel()

    def note_bytes(self, now: float) -> None:
        """Note that bytes came."""
        self.heard_at = now

    def result(self) -> dict[str, Any]:
        """Return the answer, or raise what came instead."""
        if self.answer is not None:
            return self.answer
        assert self.error is not None  # noqa: S101 - one of them has ended
        raise self.error


class TelecmiClient:
    """Reads contacts from TeleCMI.

    Every call ends within ``timeout`` seconds: connecting, waiting for a free connection, retries and
    the renewal of a token included. At most eight requests are on their way at once.

    Attributes:
        outlook: Whether TeleCMI answers, to anybody on the same channel.
    """

    def __init__(
        self,
        channel: Channel,
        tokens: TokenSource,
        *,
        timeout: float = 30.0,
        terms: RequestHooks = NO_HOOKS,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._channel = channel
        self._tokens = tokens
        self._timeout = timeout
        self._terms = terms
        self._sleep = sleep
        self._draw = draw
        self._gate = Gate(MAX_CONNECTIONS)
        self._budget = channel.budget
        self._trail = CursorTrail()
        self._in_background = False
        self.upstream_health = channel.upstream_health

    def in_background(self) -> TelecmiClient:
        """Return the same client for work that nobody waits for: every other call goes first, and nothing is repeated.

        It shares the connections, the token and the limit of eight; its cursors are watched apart from others'.
        """
        quiet = copy(self)
        quiet._budget = RetryBudget(capacity=0)  # noqa: SLF001 - its own kind
        quiet._trail = CursorTrail()  # noqa: SLF001 - the same
        quiet._in_background = True  # noqa: SLF001 - the same
        return quiet

    async def get_contact(self, contact_id: str) -> Contact:
        """Return the contact with this id, a UUID in any case.

        Raises:
            ContactNotFound: TeleCMI has no such contact.
            TelecmiError: There is no usable answer; the class says why.
        """
        return await self._in_time(lambda token: self._get(token, contact_id.lower()))

    async def list_contacts(self, *, limit: int = 10, page_state: str | None = None) -> ContactPage:
        """Return one page of at most ``limit`` (1 to 100) contacts.

        Args:
            limit: How many contacts the page has at most. TeleCMI binds a cursor to it.
            page_state: The cursor of the page before, byte for byte; ``None`` for the first page.

        Raises:
            TelecmiError: There is no usable answer; the class says why.
        """
        page = await self._in_time(lambda token: self._list(token, limit, page_state))
        if page.page_state and self._trail.closes_circle(page_state, page.page_state):
            return replace(
                page,
                page_state=None,
                broken_off="The list ends here: TeleCMI's cursor led back to an earlier page.",
            )
        return page

    async def connect_ahead(self) -> None:
        """Open a connection for the first call, which then takes no longer than others.

        It is no use where somebody has not signed in. Nothing is sent but to a proxy, and no token is looked up.
        """
        body = json.dumps({"code": 200, "contacts": [_NOBODY], "count": 1}).encode()
        await self._channel.connect_ahead(self._rehearse, body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._channel.aclose()

    async def _rehearse(self) -> None:
        """Run through what a call runs through: what runs for the first time takes half as long again."""
        body = protocol.contact_request(_STAND_IN, _NOBODY["contact_id"])
        answer = await self._channel.post(protocol.CONTACT_PATH, body, patience=AHEAD_SECONDS)
        read = protocol.read_answer(answer.status, answer.body, retry_after=answer.retry_after, secret=_STAND_IN)
        protocol.read_contact(read, _NOBODY["contact_id"], secret=_STAND_IN)

    async def _in_time(self, read: Callable[[SecretStr], Awaitable[_T]]) -> _T:
        begun = anyio.current_time()
        try:
            result = await self._before_the_deadline(read)
        except errors.TelecmiError as error:
            self.upstream_health.note_call(error, begun=begun, ended=anyio.current_time())
            raise
        self.upstream_health.note_call(None, begun=begun, ended=anyio.current_time())
        return result

    async def _before_the_deadline(self, read: Callable[[SecretStr], Awaitable[_T]]) -> _T:
        with self._limit(), suppress(errors.Unresponsive):  # the last try used the time up
            return await self._signed_in(read)
        raise errors.DeadlineExceeded(self._timeout)

    def _limit(self) -> AbstractContextManager[object]:
        """What ends the call in time; nothing where a scope around it does so no later."""
        ends = anyio.current_time() + self._timeout
        return nullcontext() if anyio.current_effective_deadline() <= ends else anyio.move_on_after(self._timeout)

    async def _signed_in(self, read: Callable[[SecretStr], Awaitable[_T]]) -> _T:
        token = await self._tokens.current()
        try:
            return await self._renewing(read, token)
        except errors.TokenRejected as refusal:
            raise self._tokens.explain(refusal) from None

    async def _renewing(self, read: Callable[[SecretStr], Awaitable[_T]], token: SecretStr) -> _T:
        try:
            return await read(token)
        except errors.TokenRejected:
            fresh = await self._tokens.renew(token)
            if fresh is None:
                raise
            return await read(fresh)

    async def _get(self, token: SecretStr, contact_id: str) -> Contact:
        secret = token.get_secret_value()
        try:
            answer = await self._ask(protocol.contact_request(secret, contact_id))
        except (errors.TokenRejected, errors.RequestRejected) as refusal:
            if refusal.status not in _AMBIGUOUS:
                raise
            await self._list(token, 1, None)  # fails in the same way, unless the refusal was about the id
            raise errors.ContactNotFound(contact_id, detail=refusal.detail) from None
        return protocol.read_contact(answer, contact_id, secret=secret)

    async def _list(self, token: SecretStr, limit: int, page_state: str | None) -> ContactPage:
        secret = token.get_secret_value()
        try:
            answer = await self._ask(protocol.page_request(secret, limit=limit, page_state=page_state))
        except (errors.RequestRejected, errors.ServiceFailed) as refusal:
            if page_state is None:
                raise
            raise _about_cursor(refusal) from None
        return protocol.read_page(answer, limit, secret=secret)

    async def _ask(self, body: dict[str, Any]) -> dict[str, Any]:
        """One request, repeated while its error, the deadline and the budget allow it."""
        retry = 0
        while True:
            await self._admit()
            try:
                answer = await self._attempt(body, retry)
            except errors.TelecmiError as error:
                self.upstream_health.note(error)
                retry += 1
                pause = self._pause(error, retry)
                _log.info("%s: %s%s", error.code, _said(error), "" if pause is None else ", trying again")
                if pause is None:
                    raise
                await self._sleep(pause)
            else:
                self.upstream_health.note(None)
                self._budget.succeed()
                return answer

    async def _attempt(self, body: dict[str, Any], retry: int) -> dict[str, Any]:
        async with self._gate.passed(in_background=self._in_background):
            if self._in_background:
                return await self._send(body, retry, lambda: None)
            return await self._hedged(body, retry)

    async def _hedged(self, body: dict[str, Any], retry: int) -> dict[str, Any]:
        """One request, and after half of the call's time in silence a second beside it; the first answer counts."""
        loop = asyncio.get_running_loop()
        race = _Race(heard_at=loop.time())
        silence = self._timeout * _SILENCE

        def look() -> None:
            silent_for = loop.time() - race.heard_at
            if silent_for >= silence:
                tries.start_soon(self._hedge, race, body, retry + 1)
            else:
                race.alarm = loop.call_later(silence - silent_for, look)

        async with anyio.create_task_group() as tries:
            race.over = tries.cancel_scope
            race.alarm = loop.call_later(silence, look)
            try:
                await race.run(self._send(body, retry, lambda: race.note_bytes(loop.time())))
            finally:
                race.alarm.cancel()
        return race.result()

    async def _hedge(self, race: _Race, body: dict[str, Any], retry: int) -> None:
        """Send the second request, where that takes no place from others and the retry budget allows it."""
        if not (self._gate.has_room and self._channel.has_room and self._budget.take()):
            return
        race.runners += 1
        async with self._gate.passed():
            try:
                await self._admit()
            except errors.CallLimitReached:
                race.runners -= 1
                return
            _log.info("silence: asking once more beside the first request")
            await race.run(self._send(body, retry, lambda: None))

    async def _admit(self) -> None:
        if self._terms.admit is not None:
            await self._terms.admit(self._in_background)

    async def _send(self, body: dict[str, Any], retry: int, heard: Callable[[], None]) -> dict[str, Any]:
        with self._terms.watch(retry) as note_status:
            answer = await self._channel.post(protocol.CONTACT_PATH, body, patience=self._patience(), heard=heard)
            note_status(answer.status)
            return protocol.read_answer(
                answer.status, answer.body, retry_after=answer.retry_after, secret=body["token"]
            )

    def _patience(self) -> float:
        """Nearly all the time that is left: silence ends an attempt by its own limit, not by being cancelled."""
        return max(0.0, anyio.current_effective_deadline() - anyio.current_time()) * _NEARLY

    def _pause(self, error: errors.TelecmiError, retry: int) -> float | None:
        if retry > error.retries:
            return None
        if retry == 1 and isinstance(error, errors.ConnectionInterrupted) and error.is_stale:
            return 0.0  # says nothing of TeleCMI's health, so it costs nothing either
        pause = pause_before(retry, retry_after=getattr(error, "retry_after", None), draw=self._draw)
        in_time = anyio.current_time() + pause < anyio.current_effective_deadline()
        return pause if in_time and self._budget.take() else None


def _about_cursor(refusal: errors.TelecmiError) -> errors.TelecmiError:
    """A stale or foreign cursor may be answered with 400 or with 500."""
    if isinstance(refusal, errors.RequestRejected):
        return errors.InvalidCursor(detail=refusal.detail)
    return errors.ServiceFailed(hint="Try again, then start again without page_state", detail=refusal.detail)


def _said(error: errors.TelecmiError) -> str:
    """What TeleCMI said, fit for a log line."""
    return clean(error.detail, limit=_DETAIL_LIMIT) or error.fact
