"""TeleCMI's protocol as pure functions: arguments to a request body, an answer's bytes to objects or errors.

No I/O, no clock, no log. Sources: TeleCMI's pages "agent-get-contact" and "login-token"; what others
have seen of the same host is marked "seen".
"""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import SecretStr
from pydantic_core import from_json

from telecmi_mcp import errors
from telecmi_mcp._api.cursors import MAX_CURSOR, pack_cursor
from telecmi_mcp._api.fast_path import is_plain, read_plain
from telecmi_mcp._config.secrets import is_token
from telecmi_mcp._models import FIELD_LIMITS, Contact, ContactPage, SignedIn
from telecmi_mcp._sanitize import clean, is_clean, shows_nothing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CONTACT_PATH = "/v3/contact/get"
LOGIN_PATH = "/v2/user/login"
MAX_LIMIT = 100

_VALUES = itemgetter(*FIELD_LIMITS)  # in the order of Contact
_TEXTS = {str, type(None)}
_NAME_LIMIT = 200
_REMOVED = "[removed]"
_LONGEST_RAW = 100_000  # of a field: cleaning more would hold up everything else, and no field is shown at this length
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")
_LONGEST_WAIT = 1e9
_LONGEST_WORDS = 5000  # of what goes to the log, which cleans and shortens it
_MOST_PARTS = 250_000  # 10,000 whole contacts have 90,000


class PlainAnswer(dict[str, Any]):
    """An answer of which each text is printable ASCII, does not begin with a space and does not hold the secret."""


def contact_request(token: str, contact_id: str) -> dict[str, Any]:
    """The body that asks for one contact."""
    return {"token": token, "contact_id": contact_id}


def page_request(token: str, *, limit: int, page_state: str | None) -> dict[str, Any]:
    """The body that asks for one page; without ``page_state`` it is the first."""
    body: dict[str, Any] = {"token": token, "limit": limit}
    return body if page_state is None else {**body, "page_state": page_state}


def login_request(user_id: str, password: str) -> dict[str, Any]:
    """The body that asks for a token."""
    return {"id": user_id, "password": password}


def read_answer(status: int, body: bytes, *, retry_after: float | None = None, secret: str = "") -> dict[str, Any]:
    """Return the answer's JSON object, if both the HTTP status and the body's ``code`` say success.

    Errors come as HTTP 200 with ``{"code": 404, "error": true, "msg": ...}`` as well as by status (seen).

    Raises:
        TelecmiError: The verdict, or why there is none.
    """
    if 300 <= status < 400:
        raise errors.UnexpectedRedirect
    try:
        answer = _decode(body)
    except errors.ServiceError as unreadable:
        if _is_page_of_a_stranger(status, unreadable):
            raise
        _judge(status, detail="", retry_after=retry_after)
        raise
    code = _verdict(status, answer)
    if code >= 400:
        _judge(code, detail=_detail(answer, secret), retry_after=retry_after)
    return PlainAnswer(answer) if is_plain(body, secret) else answer


def read_login(status: int, body: bytes, *, retry_after: float | None = None, secret: str = "") -> SignedIn:
    """Return the token that a login brought, and whose it is.

    TeleCMI documents 404 for a wrong user id or password. Every other refusal counts as the same, since
    a locked account may be told in any code, and a password that was refused must not be sent again.

    Raises:
        PasswordRejected: TeleCMI refused the login.
        MalformedResponse: It did not, and yet there is no token.
        TelecmiError: Another verdict, or why there is none.
    """
    try:
        answer = read_answer(status, body, retry_after=retry_after, secret=secret)
    except (errors.TokenRejected, errors.RequestRejected) as refusal:
        raise errors.PasswordRejected(detail=refusal.detail) from None
    token = answer.get("token")
    if not isinstance(token, str) or not is_token(token):
        raise errors.MalformedResponse(fact="TeleCMI answered the login without a token that can be used")
    agent = answer.get("agent")
    name = agent.get("name") if isinstance(agent, dict) else None
    shown = _without(secret, clean(name, limit=_NAME_LIMIT)) if isinstance(name, str) else ""
    return SignedIn(token=SecretStr(token), name="" if shows_nothing(shown) else _without(token, shown).strip())


def read_contact(answer: dict[str, Any], contact_id: str, *, secret: str = "") -> Contact:
    """Return the one contact that was asked for.

    Raises:
        ContactNotFound: ``contacts`` is empty, null or missing.
        MalformedResponse: Something else than that one contact came back.
    """
    entries = _entries(answer) or []
    if not entries:
        raise errors.ContactNotFound(contact_id)
    contacts = _read_contacts(answer, entries, secret)
    if len(contacts) < len(entries) or len(set(contacts)) > 1:
        raise errors.MalformedResponse(detail="not exactly one contact for one id")
    contact = contacts[0]
    if contact.contact_id.lower() != contact_id.lower():
        raise errors.MalformedResponse(fact="TeleCMI answered with another contact than the one asked for")
    return contact


def read_page(answer: dict[str, Any], limit: int, *, secret: str = "") -> ContactPage:
    """Return the page's contacts, at most ``limit``, and the cursor of the next page.

    Raises:
        MalformedResponse: There is no list of contacts, or every entry of it is malformed.
    """
    entries = _entries(answer)
    if entries is None:
        raise errors.MalformedResponse(detail="no contacts in the answer to a page")
    shown = entries[:limit]
    contacts = _read_contacts(answer, shown, secret)
    if shown and not contacts:
        raise errors.MalformedResponse(detail="no entry of the page is a contact")
    page_state, broken_off = _read_cursor(answer.get("page_state"), secret)
    return ContactPage(
        contacts=contacts,
        count=_read_count(answer.get("count")),
        page_state=page_state,
        malformed=len(shown) - len(contacts),
        surplus=max(0, len(entries) - limit),
        broken_off=broken_off,
    )


def retry_after_seconds(header: str | None, *, now: float) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date (RFC 9110, section 10.2.3).

    Returns:
        Seconds from ``now`` (a Unix time), never negative; ``None`` for anything that is neither.
    """
    if not header:
        return None
    if _SECONDS.fullmatch(header):
        return min(float(header), _LONGEST_WAIT)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (ValueError, OverflowError, TypeError):
        return None


def _decode(body: bytes) -> dict[str, Any]:
    # A short text may become very many objects. Each part is a byte at least, so most answers need not be counted.
    if len(body) > _MOST_PARTS and sum(map(body.count, (b"{", b"[", b","))) > _MOST_PARTS:
        raise errors.ResponseTooLarge
    try:
        # What it reads, json reads as well, and to the same values. It keeps names of fields, no text of a contact.
        answer = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        answer = _decode_leniently(body)
    if not isinstance(answer, dict):
        raise errors.MalformedResponse(detail=f"a JSON {type(answer).__name__}")
    return answer


def _decode_leniently(body: bytes) -> Any:
    """JSON with a byte order mark, lone surrogates or deep nesting too."""
    try:
        text = body.decode("utf-8-sig").strip()
        if not text or text.startswith("<"):
            raise errors.UnexpectedContent
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as why:
        raise errors.MalformedResponse(detail=type(why).__name__) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _is_page_of_a_stranger(status: int, unreadable: errors.ServiceError) -> bool:
    # An unknown route is a 404 with an HTML page (seen), a firewall's refusal a 403: neither is about the token.
    return status < 400 or (status in {403, 404} and isinstance(unreadable, errors.UnexpectedContent))


def _verdict(status: int, answer: dict[str, Any]) -> int:
    code = _whole_number(answer.get("code"))
    if code is None:
        code = 500 if answer.get("error") is True and status < 400 else status
    return status if code < 400 <= status else code


def _judge(code: int, *, detail: str, retry_after: float | None) -> None:
    """Raise what the code says, or nothing if it says success."""
    if code in {401, 403, 404, 407}:
        raise errors.TokenRejected(code, detail=detail)
    if code in {408, 429}:
        raise errors.RateLimited(retry_after, detail=detail)
    if code in {502, 503, 504}:
        raise errors.Unavailable(retry_after, detail=detail)
    if code >= 500:
        raise errors.ServiceFailed(detail=detail)
    if code >= 400:
        raise errors.RequestRejected(code, detail=detail)


def _detail(answer: dict[str, Any], secret: str) -> str:
    words = _without(secret, _words(answer))[:_LONGEST_WORDS]
    # Cleaned here already: what is invisible may stand between the letters of the token.
    return _read_text(words, _LONGEST_WORDS, secret) or ""


def _words(answer: dict[str, Any]) -> str:
    """What TeleCMI says went wrong; the text may stand in any of these places (seen)."""
    for key in ("msg", "message", "error", "status"):
        words = answer.get(key)
        if isinstance(words, str):
            return words
        if isinstance(words, dict):
            return json.dumps(words)
    return ""


def _entries(answer: dict[str, Any]) -> list[Any] | None:
    entries = answer.get("contacts")
    if isinstance(entries, dict):
        return [entries] if entries else []
    return entries if isinstance(entries, list) else None


def _read_contacts(answer: dict[str, Any], entries: list[Any], secret: str) -> Sequence[Contact]:
    """Those of the answer's entries that are contacts."""
    plain = read_plain(entries) if isinstance(answer, PlainAnswer) else None
    return tuple(_read_entries(entries, secret)) if plain is None else plain


def _read_entries(entries: Sequence[Any], secret: str) -> list[Contact]:
    try:
        columns = zip(zip(*_rows(entries), strict=True), FIELD_LIMITS.values(), strict=False)
        read = [_read_column(values, limit, secret) for values, limit in columns]
    except TypeError:  # one of them is none: which, each says alone
        return [] if len(entries) == 1 else [found for entry in entries for found in _read_entries([entry], secret)]
    return [Contact._make(row) for row in zip(*read, strict=True) if row[0]]


def _rows(entries: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The entries' values, field by field.

    Raises:
        TypeError: An entry is not an object.
    """
    try:
        return [_VALUES(entry) for entry in entries]
    except KeyError:  # not all have all fields
        return [tuple(map(partial(dict.get, entry), FIELD_LIMITS)) for entry in entries]


def _read_column(values: Sequence[Any], limit: int, secret: str) -> Iterable[str | None]:
    """One field of many contacts; the same as ``_read_text`` of each value.

    Raises:
        TypeError: A value is neither text nor a whole number.
    """
    if len(values) == 1 or not _is_sound(values, limit, secret):  # one alone is read sooner than looked at
        return [_read_text(value, limit, secret) for value in values]
    return [value or None for value in values] if "" in values else values


def _is_sound(values: Sequence[Any], limit: int, secret: str) -> bool:
    """Whether each value is nothing, or a text that ``_read_text`` would give back as it is.

    Every text stands whole in the joined one. If the secret is not in that, it is in none of them, and what needs no
    cleaning there needs none here. Then only a length or blank characters can still change a text, and each is asked
    for these.
    """
    if not set(map(type, values)) <= _TEXTS:
        return False
    texts = list(filter(None, values))
    joined = " ".join(texts)
    return (
        max(map(len, texts), default=0) <= limit
        and not any(map(str.isspace if joined.isascii() else shows_nothing, texts))
        and not (secret and secret in joined)
        and is_clean(joined)
    )


def _read_text(value: Any, limit: int, secret: str) -> str | None:
    if value is None:
        return None
    raw = value[:_LONGEST_RAW] if isinstance(value, str) else _digits(value)
    text = _without(secret, clean(_without(secret, raw), limit=limit))
    shown = text.removesuffix("…") if len(raw) > limit else text  # that of a cut stands for nothing by itself
    return None if shows_nothing(shown) else text


def _digits(value: Any) -> str:
    """A number as text: telephone numbers have come as JSON numbers (seen).

    Raises:
        TypeError: The value is not a whole number.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return str(value)


def _without(secret: str, text: str) -> str:
    return text.replace(secret, _REMOVED) if secret and secret in text else text


def _whole_number(value: Any) -> int | None:
    try:
        return int(value.strip() if isinstance(value, str) else _digits(value))
    except (TypeError, ValueError):
        return None


def _read_count(value: Any) -> int | None:
    count = _whole_number(value)
    return count if count is not None and count >= 0 else None


def _read_cursor(value: Any, secret: str) -> tuple[str | None, str]:
    """The cursor, and why there is none although TeleCMI gave one."""
    if not isinstance(value, str):
        if not value:
            return None, ""
        raise errors.MalformedResponse(detail=f"page_state is a {type(value).__name__}")
    if len(pack_cursor(value)) > MAX_CURSOR or (secret and secret in value):
        return None, "The list ends early: TeleCMI's cursor for the next page cannot be passed on."
    return value or None, ""
