"""Names the forms that every answer has: status, code, text of an error, body, headers, time."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from telecmi_mcp._doctor.contract import forms
from telecmi_mcp._doctor.contract.forms import MISSING, NOT_SEEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telecmi_mcp._doctor.contract.exchange import Exchange
    from telecmi_mcp._doctor.contract.plan import Observations

_KNOWN_TEXTS = (
    "Authenticated user record not found",
    "Failed to authenticate token.",
    "Something went wrong!",
)
_RATE_HEADERS = (
    "ratelimit",
    "ratelimit-limit",
    "ratelimit-policy",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
)
_NUMBERS = ("ratelimit-limit", "x-ratelimit-limit")
_KNOWN_HEADERS = (
    *("age", "cache-control", "connection", "content-encoding", "content-length", "content-type", "date", "etag"),
    *("keep-alive", "last-modified", "retry-after", "server", "set-cookie", "strict-transport-security"),
    *("transfer-encoding", "vary", "via", "x-powered-by", "x-request-id", *_RATE_HEADERS),
)


def success_code(seen: Observations) -> str:
    return forms.join(forms.value_form(each.answer.get("code", MISSING)) for each in seen.exchanges if each.is_accepted)


def error_style(seen: Observations) -> str:
    """Return where an error's code is: in the body of an HTTP 200, or in the HTTP status too."""
    return forms.join(_place(each) for each in _refused(seen))


def error_text(seen: Observations) -> str:
    """Return the place of an error's text, and the text if TeleCMI is known to send it, else its length."""
    return forms.join(_describe_text(each) for each in _refused(seen))


def token(seen: Observations) -> str:
    return forms.token_form(seen.token)


def rejected_token(seen: Observations) -> str:
    """Return the code for a token that ended; the check never sends a wrong one."""
    return f"code_{seen.exchanges[-1].code}" if seen.stopped == "token_rejected" else NOT_SEEN


def body(seen: Observations) -> str:
    return forms.join(each.body_form for each in seen.exchanges)


def content_type(seen: Observations) -> str:
    return forms.join(forms.media_type(each.headers) for each in seen.exchanges)


def lone_surrogates(seen: Observations) -> str:
    if not seen.exchanges:
        return NOT_SEEN
    return "some" if any(forms.has_lone_surrogate(dict(each.answer)) for each in seen.exchanges) else "none"


def headers(seen: Observations) -> str:
    """Return the known header fields, and the number of the others, whose names are TeleCMI's text."""
    names = {name for each in seen.exchanges for name in each.headers}
    if not names:
        return NOT_SEEN
    return f"{forms.join(names & {*_KNOWN_HEADERS}, none='none known')}; {len(names - {*_KNOWN_HEADERS})} others"


def rate_headers(seen: Observations) -> str:
    if not seen.exchanges:
        return NOT_SEEN
    found = {name: each.headers[name] for each in seen.exchanges for name in _RATE_HEADERS if name in each.headers}
    shown = (f"{name} ({forms.header_number(text)})" if name in _NUMBERS else name for name, text in found.items())
    return forms.join(shown, none="none")


def throttling(seen: Observations) -> str:
    """Return the code and the place of a throttled answer, and the form of its Retry-After."""
    throttled = [each for each in seen.exchanges if each.is_throttled]
    return forms.join(f"{_place(each)} {each.code}, retry-after {_retry_after(each)}" for each in throttled)


def token_echo(seen: Observations) -> str:
    """Return where answers hold the caller's token."""
    if not seen.exchanges:
        return NOT_SEEN
    places = (place for each in seen.exchanges for place in _echoes(each, seen.token))
    return forms.join(places, none="none")


def durations(seen: Observations) -> str:
    times = [each.duration_ms for each in seen.exchanges]
    if not times:
        return NOT_SEEN
    return f"{min(times):,} to {max(times):,} ms, median {round(median(times)):,} ms"


def _refused(seen: Observations) -> Iterator[Exchange]:
    return (each for each in seen.exchanges if each.answer and not each.is_accepted)


def _describe_text(exchange: Exchange) -> str:
    place, text = forms.message_of(exchange.answer)
    if text in _KNOWN_TEXTS:
        return f'{place} "{text}"'
    return f"{place} ({len(text):,} characters)" if text else place


def _place(exchange: Exchange) -> str:
    return "http" if exchange.is_refused_by_status else "body"


def _retry_after(exchange: Exchange) -> str:
    text = exchange.headers.get("retry-after", "")
    if not text:
        return "missing"
    if text.isascii() and text.isdecimal():
        return "in seconds"
    return "as a date" if text.endswith(" GMT") else "of another form"


def _echoes(exchange: Exchange, token: str) -> Iterator[str]:
    for key, value in exchange.answer.items():
        if token in str(value) or token in key:
            yield "in_contacts" if key == "contacts" else "in_answers" if exchange.is_accepted else "in_errors"
