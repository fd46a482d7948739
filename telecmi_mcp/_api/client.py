"""Client of TeleCMI's contacts, by id and by page, with a deadline, retries and limits.

Both calls are reads, so it may retry them although they are POST.
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
from telecmi_mcp._api.http import PRECONNECT_TIMEOUT_S
from telecmi_mcp._api.limiters import ConcurrencyLimit
from telecmi_mcp._api.retry import RetryBudget, attempt_timeout_s, retry_delay_s
from telecmi_mcp._api.transport import MAX_CONNECTIONS
from telecmi_mcp._mask import NO_MASK
from telecmi_mcp._sanitize import clean

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractContextManager

    from pydantic import SecretStr

    from telecmi_mcp._api.http import Channel
    from telecmi_mcp._api.token_source import TokenSource
    from telecmi_mcp._mask import Mask
    from telecmi_mcp._models import Contact, ContactPage

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

# TeleCMI answers these to an unknown id too.
_AMBIGUOUS = {400, 404}
_HEDGE_FRACTION = 0.5
_DETAIL_LIMIT = 200
_PLACEHOLDER_TOKEN = "preconnect"  # noqa: S105 - not a token
_PLACEHOLDER_CONTACT = {"contact_id": "00000000-0000-4000-8000-000000000000", "first_name": "Nobody"}


@dataclass(frozen=True, slots=True)
class RequestHooks:
    """Hooks that the team server runs around each request; the local server has none.

    Attributes:
        admit: Awaited before each request, retries included; the argument says whether it is background work. Returns
            when the request may be sent, or raises a TelecmiError if that would be too late.
        watch: Entered around each request with the number of its retry, from 0. Yields a function that takes the HTTP
            status. Sees the error that ends the request.
    """

    admit: Callable[[bool], Awaitable[None]] | None = None
    watch: Callable[[int], AbstractContextManager[Callable[[int], None]]] = lambda _: _UNWATCHED


_UNWATCHED: AbstractContextManager[Callable[[int], None]] = nullcontext(lambda _: None)

NO_HOOKS = RequestHooks()


@dataclass(slots=True)
class _Race:
    """A request and its hedge, a second request for the same data; the first answer counts.

    Attributes:
        active_at: When the first request was sent, or its last bytes arrived.
        scope: Cancels both.
        timer: Starts the hedge.
        is_hedged: Whether the hedge was started.
        running: Number of requests under way.
    """

    active_at: float
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    timer: asyncio.TimerHandle | None = None
    is_hedged: bool = False
    running: int = 0
    answer: dict[str, Any] | None = None
    error: errors.TelecmiError | None = None

    async def run(self, request: Awaitable[dict[str, Any]]) -> None:
        """Wait for one of the requests. An error that allows a retry does not end the other one."""
        self.running += 1
        try:
            self.answer = await request
        except errors.TelecmiError as error:
            self.error = error
            self.running -= 1
            if error.retries and self.running:
                return
        if self.timer is not None:
            self.timer.cancel()
        if self.is_hedged:
            self.scope.cancel()

    def note_bytes(self, now: float) -> None:
        """Record that bytes arrived."""
        self.active_at = now

    def result(self) -> dict[str, Any]:
        """Return the answer, or raise the last error."""
        if self.answer is not None:
            return self.answer
        if self.error is None:
            raise RuntimeError("no attempt has ended")
        raise self.error


@dataclass(slots=True)
class _ListedIds:
    """The case of the ids in TeleCMI's lists, for a client and its copies."""

    are_upper: bool = False

    def note(self, contacts: Sequence[Contact]) -> None:
        """Record the case of the first id that has letters."""
        contact_id = contacts[0].contact_id if contacts else ""
        if contact_id.upper() != contact_id.lower():
            self.are_upper = contact_id == contact_id.upper()


class TelecmiClient:
    """Reads contacts from TeleCMI.

    Every call ends within ``timeout`` seconds, including connecting, waiting for a connection, retries and the renewal
    of a token. At most eight calls send requests at the same time.

    Attributes:
        channel: Sends the requests of the client.
        mask: Hides fields of every contact that the client returns.
        upstream_health: When TeleCMI last answered or failed, for all clients that share the host.
    """

    def __init__(
        self,
        channel: Channel,
        tokens: TokenSource,
        *,
        timeout: float = 30.0,
        hooks: RequestHooks = NO_HOOKS,
        mask: Mask = NO_MASK,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.channel = channel
        self._tokens = tokens
        self._timeout_s = timeout
        self._hooks = hooks
        self.mask = mask
        self._sleep = sleep
        self._rng = rng
        self._concurrency = ConcurrencyLimit(MAX_CONNECTIONS)
        self._budget = channel.budget
        self._trail = CursorTrail()
        self._listed_ids = _ListedIds()
        self._in_background = False
        self.upstream_health = channel.upstream_health

    def in_background(self) -> TelecmiClient:
        """Return the same client for background work: every other call goes first, and it never retries.

        It shares the connections, the token and the limit of eight. It checks its cursors separately.
        """
        quiet = copy(self)
        quiet._budget = RetryBudget(capacity=0)  # noqa: SLF001 - the same class
        quiet._trail = CursorTrail()  # noqa: SLF001 - the same class
        quiet._in_background = True  # noqa: SLF001 - the same class
        return quiet

    def with_mask(self, mask: Mask) -> TelecmiClient:
        """Return the same client with another mask; it checks its cursors separately."""
        masked = copy(self)
        masked.mask = mask
        masked._trail = CursorTrail()  # noqa: SLF001 - the same class
        return masked

    async def get_contact(self, contact_id: str) -> Contact:
        """Return the contact with this id, a UUID in any case.

        TeleCMI's documents have ids in lower case, and do not say whether it compares the case. So the id is sent in
        the case of TeleCMI's lists, and then as it is given.

        Raises:
            ContactNotFound: TeleCMI has no such contact.
            TelecmiError: No usable answer; the class says why.
        """
        as_listed = contact_id.upper() if self._listed_ids.are_upper else contact_id.lower()
        return await self._in_time(lambda token: self._get_in_either_case(token, as_listed, contact_id))

    async def list_contacts(self, *, limit: int = 10, page_state: str | None = None) -> ContactPage:
        """Return one page of at most ``limit`` (1 to 100) contacts.

        Args:
            limit: Maximum number of contacts. TeleCMI binds a cursor to it.
            page_state: The cursor of the previous page, byte for byte; ``None`` for the first page.

        Raises:
            TelecmiError: No usable answer; the class says why.
        """
        page = await self._in_time(lambda token: self._list(token, limit, page_state))
        if page.page_state and self._trail.closes_cycle(page_state, page.page_state):
            return replace(
                page,
                page_state=None,
                broken_off="The list ends here: TeleCMI's cursor led back to an earlier page.",
            )
        return page

    async def preconnect(self) -> None:
        """Open a connection for the first call, so that it takes no longer than later calls.

        Sends nothing to TeleCMI, only a CONNECT to a proxy, and reads no token.
        """
        body = json.dumps({"code": 200, "contacts": [_PLACEHOLDER_CONTACT], "count": 1}).encode()
        await self.channel.preconnect(self._dry_run, body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.channel.aclose()

    async def _dry_run(self) -> None:
        """Run the code of a call once: code that runs for the first time takes half as long again."""
        contact_id = _PLACEHOLDER_CONTACT["contact_id"]
        body = protocol.contact_request(_PLACEHOLDER_TOKEN, contact_id)
        answer = await self.channel.post(protocol.CONTACT_PATH, body, timeout_s=PRECONNECT_TIMEOUT_S)
        data = protocol.read_answer(*answer, secret=_PLACEHOLDER_TOKEN)
        protocol.read_contact(data, contact_id, secret=_PLACEHOLDER_TOKEN)

    async def _in_time(self, read: Callable[[SecretStr], Awaitable[_T]]) -> _T:
        started_at = anyio.current_time()
        try:
            result = await self._before_the_deadline(read)
        except errors.TelecmiError as error:
            self.upstream_health.note_call(error, started_at=started_at, ended_at=anyio.current_time())
            raise
        self.upstream_health.note_call(None, started_at=started_at, ended_at=anyio.current_time())
        return result

    async def _before_the_deadline(self, read: Callable[[SecretStr], Awaitable[_T]]) -> _T:
        # Unresponsive is raised when the last attempt used the time up.
        with anyio.move_on_after(self._timeout_s), suppress(errors.Unresponsive):
            return await self._signed_in(read)
        raise errors.DeadlineExceeded(self._timeout_s)

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
        return self.mask.contact(protocol.read_contact(answer, contact_id, secret=secret))

    async def _get_in_either_case(self, token: SecretStr, as_listed: str, given: str) -> Contact:
        try:
            return await self._get(token, as_listed)
        except errors.ContactNotFound:
            if given == as_listed:
                raise
        return await self._get(token, given)

    async def _list(self, token: SecretStr, limit: int, page_state: str | None) -> ContactPage:
        secret = token.get_secret_value()
        try:
            answer = await self._ask(protocol.page_request(secret, limit=limit, page_state=page_state))
        except (errors.RequestRejected, errors.ServiceFailed) as refusal:
            if page_state is None:
                raise
            raise _about_cursor(refusal) from None
        page = protocol.read_page(answer, limit, secret=secret)
        self._listed_ids.note(page.contacts)
        return self.mask.page(page)

    async def _ask(self, body: dict[str, Any]) -> dict[str, Any]:
        """Send a request, and retry while its error, the deadline and the budget allow it."""
        retry = 0
        while True:
            await self._admit()
            try:
                answer = await self._attempt(body, retry)
            except errors.TelecmiError as error:
                self.upstream_health.note(error)
                retry += 1
                delay_s = self._delay_before(retry, error)
                _log.info("%s: %s%s", error.code, log_detail(error), "" if delay_s is None else ", trying again")
                if delay_s is None:
                    raise
                await self._sleep(delay_s)
            else:
                self.upstream_health.note(None)
                self._budget.succeed()
                return answer

    async def _attempt(self, body: dict[str, Any], retry: int) -> dict[str, Any]:
        async with self._concurrency.slot(in_background=self._in_background):
            if self._in_background:
                return await self._send(body, retry)
            return await self._hedged(body, retry)

    async def _hedged(self, body: dict[str, Any], retry: int) -> dict[str, Any]:
        """Send a request, and a hedge if nothing arrives for half of the call's time; the first answer counts."""
        loop = asyncio.get_running_loop()
        race = _Race(active_at=loop.time())
        silence_s = self._timeout_s * _HEDGE_FRACTION

        def check_silence() -> None:
            silent_for_s = loop.time() - race.active_at
            if silent_for_s >= silence_s:
                race.is_hedged = True
                tasks.start_soon(self._hedge, race, body, retry + 1)
            else:
                race.timer = loop.call_later(silence_s - silent_for_s, check_silence)

        async with anyio.create_task_group() as tasks:
            race.scope = tasks.cancel_scope
            race.timer = loop.call_later(silence_s, check_silence)
            try:
                await race.run(self._send(body, retry, on_bytes=lambda: race.note_bytes(loop.time())))
            finally:
                race.timer.cancel()
        return race.result()

    async def _hedge(self, race: _Race, body: dict[str, Any], retry: int) -> None:
        """Send the hedge, if the retry budget and the hooks allow it. It shares the concurrency slot of its call."""
        async with self.channel.hedges.slot():
            if not self._budget.take():
                return
            try:
                await self._admit()
            except errors.CallLimitReached:
                return
            _log.info("no answer for half of the time limit: sending a second request")
            await race.run(self._send(body, retry, is_hedge=True))

    async def _admit(self) -> None:
        if self._hooks.admit is not None:
            await self._hooks.admit(self._in_background)

    async def _send(
        self,
        body: dict[str, Any],
        retry: int,
        *,
        on_bytes: Callable[[], None] | None = None,
        is_hedge: bool = False,
    ) -> dict[str, Any]:
        with self._hooks.watch(retry) as note_status:
            answer = await self.channel.post(
                protocol.CONTACT_PATH, body, timeout_s=attempt_timeout_s(), on_bytes=on_bytes, is_hedge=is_hedge
            )
            note_status(answer.status)
            return protocol.read_answer(*answer, secret=body["token"])

    def _delay_before(self, retry: int, error: errors.TelecmiError) -> float | None:
        """Return the seconds until the retry; None for no retry."""
        if retry > error.retries:
            return None
        if retry == 1 and isinstance(error, errors.ConnectionInterrupted) and error.is_stale:
            return 0.0  # a stale connection says nothing about TeleCMI's health, so the retry costs nothing
        delay_s = retry_delay_s(retry, retry_after=getattr(error, "retry_after", None), rng=self._rng)
        is_in_time = anyio.current_time() + delay_s < anyio.current_effective_deadline()
        return delay_s if is_in_time and self._budget.take() else None


def _about_cursor(refusal: errors.TelecmiError) -> errors.TelecmiError:
    """TeleCMI may answer a stale or foreign cursor with 400 or with 500."""
    if isinstance(refusal, errors.RequestRejected):
        return errors.InvalidCursor(detail=refusal.detail)
    return errors.ServiceFailed(hint="Try again, then start again without page_state", detail=refusal.detail)


def log_detail(error: errors.TelecmiError) -> str:
    """Return what TeleCMI said of an error, sanitized, or else our own words."""
    return clean(error.detail, limit=_DETAIL_LIMIT) or error.fact
