"""Sends the requests of the contract check one after the other, and keeps each answer for the report.

A request goes through the client's channel, below its retries and its reading of answers: both would hide what is to
be seen.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import anyio

from telecmi_mcp import errors
from telecmi_mcp._api.protocol import CONTACT_PATH
from telecmi_mcp._api.retry import attempt_timeout_s
from telecmi_mcp._doctor.contract import forms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pydantic import SecretStr

    from telecmi_mcp._api.http import Channel

MAX_REQUESTS = 12
PAUSE_S = 1.0

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_THROTTLED = {408, 429, 503}
_UNAVAILABLE = {502, 504}
_REJECTED_TOKEN = {401, 403, 407, 420}
_MIN_ERROR = 400
_STEP_MS = 10
_MAX_COUNT = 10**9


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer.

    Attributes:
        name: What the request is for.
        sent: Its fields without the token.
        status: HTTP status.
        headers: Header fields, with names in lower case.
        body_form: What the body is: ``json`` if it is a JSON object.
        answer: The JSON object; empty if the body is none.
        sent_at: When it was sent, on the clock of the check.
        duration_s: Seconds until the whole answer was there.
    """

    name: str
    status: int
    body_form: str
    sent_at: float
    duration_s: float
    sent: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    answer: Mapping[str, Any] = field(repr=False)

    @property
    def code(self) -> int:
        """The code of the answer by which the client judges it; 200 for success."""
        code = forms.status_code(self.answer.get("code"))
        if code is not None and code >= _MIN_ERROR:
            return code
        if self.status >= _MIN_ERROR:
            return self.status
        return 500 if self.answer.get("error") is True else 200

    @property
    def is_accepted(self) -> bool:
        return self.code < _MIN_ERROR and bool(self.answer)

    @property
    def is_throttled(self) -> bool:
        return self.code in _THROTTLED

    @property
    def is_refused_by_status(self) -> bool:
        """Whether the HTTP status is an error, and not the code of the body alone."""
        return self.status >= _MIN_ERROR

    @property
    def duration_ms(self) -> int:
        """Milliseconds until the whole answer was there, to the nearest ten."""
        return round(self.duration_s * 1000 / _STEP_MS) * _STEP_MS

    @property
    def entries(self) -> list[Any]:
        """The entries below ``contacts``, whether it is a list or one object."""
        contacts = self.answer.get("contacts")
        if isinstance(contacts, dict):
            return [contacts] if contacts else []
        return contacts if isinstance(contacts, list) else []

    @property
    def ids(self) -> list[str]:
        """The ids of the page in lower case, without those that are no text."""
        found = (entry.get("contact_id") for entry in self.entries if isinstance(entry, dict))
        return [contact_id.lower() for contact_id in found if isinstance(contact_id, str)]

    def overlaps(self, other: Exchange) -> bool:
        """Whether the shorter of two pages is part of the longer one; False if one is empty."""
        ids, others = set(self.ids), set(other.ids)
        return bool(ids and others) and (ids <= others or others <= ids)

    @property
    def limit(self) -> int:
        return int(self.sent.get("limit", 0))

    @property
    def page_state(self) -> object:
        return self.answer.get("page_state", forms.MISSING)

    @property
    def cursor(self) -> str:
        """The cursor of the next page; "" if there is none that can be sent."""
        return self.page_state if isinstance(self.page_state, str) else ""

    @property
    def count(self) -> int | None:
        """The number of contacts; None if it is none."""
        count = forms.whole_number(self.answer.get("count"))
        return count if count is not None and 0 <= count <= _MAX_COUNT else None


class Sender:
    """Sends at most ``MAX_REQUESTS`` requests with one token, and none after the first that TeleCMI throttles.

    Args:
        channel: Sends one request, without retries.
        token: The token of each request.
        requests: Number of requests that were sent before, such as a login; they count.
        pause_s: Seconds between two requests.
        timeout_s: Seconds that one request may take.
        sleep: Waits for the pause.
        clock: Returns seconds, for durations.

    Attributes:
        exchanges: The answered requests in their order.
        token: The token of each request.
        requests: Number of requests that were sent, with those before.
        stopped: Why no more requests are sent; "" if they are.
    """

    def __init__(
        self,
        channel: Channel,
        token: SecretStr,
        *,
        requests: int = 0,
        pause_s: float = PAUSE_S,
        timeout_s: float = 30.0,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self.token = token
        self._pause_s = pause_s
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._clock = clock
        self.exchanges: list[Exchange] = []
        self.requests = requests
        self.stopped = ""

    @property
    def left(self) -> int:
        """Number of requests that may still be sent."""
        return 0 if self.stopped else MAX_REQUESTS - self.requests

    async def send(self, name: str, **fields: object) -> Exchange | None:
        """Send one request after a pause; ``None`` if no more are sent, or if there was no answer."""
        if not self.left:
            return None
        if self.requests:
            await self._sleep(self._pause_s)
        self.requests += 1
        try:
            exchange = await self._exchange(name, fields)
        except errors.TelecmiError as error:
            self.stopped = f"no_usable_answer ({error.code})"
            return None
        self.exchanges.append(exchange)
        self.stopped = _reason_to_stop(exchange)
        return exchange

    async def _exchange(self, name: str, fields: dict[str, object]) -> Exchange:
        headers: dict[str, str] = {}

        def keep(raw: list[tuple[bytes, bytes]]) -> None:
            headers.update((key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in raw)

        body = {"token": self.token.get_secret_value(), **fields}
        sent_at = self._clock()
        with anyio.move_on_after(self._timeout_s):
            answer = await self._channel.post(CONTACT_PATH, body, timeout_s=attempt_timeout_s(), on_headers=keep)
            duration_s = self._clock() - sent_at
            body_form, data = read_body(answer.body)
            return Exchange(
                name, answer.status, body_form, sent_at, duration_s, sent=fields, headers=headers, answer=data
            )
        raise errors.DeadlineExceeded(self._timeout_s)


class _NotStrict(ValueError):
    """The text has NaN or Infinity, which are not JSON."""


def _reject_constant(name: str) -> NoReturn:
    raise _NotStrict(name)


def read_body(body: bytes) -> tuple[str, dict[str, Any]]:
    """Return what a body is, and its JSON object; the object is empty if the body is none."""
    content = body.removeprefix(_BYTE_ORDER_MARK).strip()
    if not content:
        return "empty", {}
    try:
        data = json.loads(content.decode(), parse_constant=_reject_constant)
    except _NotStrict:
        return "json_with_nan", {}
    except (ValueError, RecursionError):
        return ("web_page" if content.startswith(b"<") else "other_text"), {}
    if not isinstance(data, dict):
        return f"json_{forms.value_form(data)}", {}
    return ("json_after_byte_order_mark" if body.startswith(_BYTE_ORDER_MARK) else "json"), data


def _reason_to_stop(exchange: Exchange) -> str:
    if exchange.is_throttled:
        return "throttled"
    if exchange.code in _UNAVAILABLE:
        return "unavailable"
    if exchange.code in _REJECTED_TOKEN:
        # A firewall answers so with a web page, which says nothing about the token.
        return "token_rejected" if exchange.answer else f"http_{exchange.status}_without_data"
    return ""
