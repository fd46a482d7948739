"""TeleCMI's protocol as pure functions: arguments to a request body, bytes of an answer to objects or errors.

No I/O, no clock, no log. Sources: TeleCMI's pages "agent-get-contact" and "login-token"; behaviour of the same host
that is not documented but was observed is marked "observed".
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

_FIELD_VALUES = itemgetter(*FIELD_LIMITS)  # in the order of Contact
_TEXT_TYPES = {str, type(None)}
_MAX_NAME_CHARS = 200
_REMOVED = "[removed]"
# Of a field: cleaning a longer one would block other calls, and no field is shown at this length.
_MAX_RAW_CHARS = 100_000
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")
_MAX_WAIT_S = 1e9
_MAX_DETAIL_CHARS = 5000  # the log cleans and shortens it
_MAX_JSON_VALUES = 250_000  # 10,000 whole contacts have 90,000


class PlainAnswer(dict[str, Any]):
    """An answer whose texts are printable ASCII, do not start with a space and do not contain the secret."""


def contact_request(token: str, contact_id: str) -> dict[str, Any]:
    """Return the body that requests one contact."""
    return {"token": token, "contact_id": contact_id}


def page_request(token: str, *, limit: int, page_state: str | None) -> dict[str, Any]:
    """Return the body that requests one page; without ``page_state`` the first."""
    body: dict[str, Any] = {"token": token, "limit": limit}
    return body if page_state is None else {**body, "page_state": page_state}


def login_request(user_id: str, password: str) -> dict[str, Any]:
    """Return the body that requests a token."""
    return {"id": user_id, "password": password}


def read_answer(status: int, body: bytes, retry_after: float | None = None, *, secret: str = "") -> dict[str, Any]:
    """Return the JSON object of the answer, if the HTTP status and the ``code`` of the body both say success.

    TeleCMI reports errors as HTTP 200 with ``{"code": 404, "error": true, "msg": ...}`` and by status (observed).

    Raises:
        TelecmiError: The error that TeleCMI reports, or the reason why the answer cannot be read.
    """
    if 300 <= status < 400:
        raise errors.UnexpectedRedirect
    try:
        answer = _decode(body)
    except errors.ServiceError as unreadable:
        if _is_foreign_page(status, unreadable):
            raise
        _raise_for(status, detail="", retry_after=retry_after)
        raise
    code = _status_of(status, answer)
    if code >= 400:
        _raise_for(code, detail=_detail(answer, secret), retry_after=retry_after)
    return PlainAnswer(answer) if is_plain(body, secret) else answer


def read_login(status: int, body: bytes, retry_after: float | None = None, *, secret: str = "") -> SignedIn:
    """Return the token of a login, and the user's name.

    TeleCMI documents 404 for a wrong user id or password. Every other refusal is treated in the same way, because
    TeleCMI may report a locked account by any code, and a refused password must not be sent again.

    Raises:
        PasswordRejected: TeleCMI refused the login.
        MalformedResponse: The login succeeded, but the answer has no token.
        TelecmiError: Another error that TeleCMI reports, or the reason why the answer cannot be read.
    """
    try:
        answer = read_answer(status, body, retry_after, secret=secret)
    except (errors.TokenRejected, errors.RequestRejected) as refusal:
        raise errors.PasswordRejected(detail=refusal.detail) from None
    token = answer.get("token")
    if not isinstance(token, str) or not is_token(token):
        raise errors.MalformedResponse(fact="TeleCMI answered the login without a token that can be used")
    agent = answer.get("agent")
    name = agent.get("name") if isinstance(agent, dict) else None
    shown = _without(secret, clean(name, limit=_MAX_NAME_CHARS)) if isinstance(name, str) else ""
    return SignedIn(token=SecretStr(token), name="" if shows_nothing(shown) else _without(token, shown).strip())


def read_contact(answer: dict[str, Any], contact_id: str, *, secret: str = "") -> Contact:
    """Return the requested contact.

    Raises:
        ContactNotFound: ``contacts`` is empty, null or missing.
        MalformedResponse: The answer is not exactly that contact.
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
        MalformedResponse: There is no list of contacts, or all its entries are malformed.
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
        Seconds from ``now`` (a Unix time), never negative; ``None`` for any other text.
    """
    if not header:
        return None
    if _SECONDS.fullmatch(header):
        return min(float(header), _MAX_WAIT_S)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (ValueError, OverflowError, TypeError):
        return None


def _decode(body: bytes) -> dict[str, Any]:
    # A short text may become very many objects. Each has a byte at least, so most answers need no count.
    if len(body) > _MAX_JSON_VALUES and sum(map(body.count, (b"{", b"[", b","))) > _MAX_JSON_VALUES:
        raise errors.ResponseTooLarge
    try:
        # json reads whatever this reads, to the same values. The cache holds field names, no text of a contact.
        answer = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        answer = _decode_leniently(body)
    if not isinstance(answer, dict):
        raise errors.MalformedResponse(detail=f"a JSON {type(answer).__name__}")
    return answer


def _decode_leniently(body: bytes) -> Any:
    """Read JSON that may have a byte order mark, lone surrogates or deep nesting."""
    try:
        text = body.decode("utf-8-sig").strip()
        if not text or text.startswith("<"):
            raise errors.UnexpectedContent
        return json.loads(text, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise errors.MalformedResponse(detail=type(error).__name__) from None


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _is_foreign_page(status: int, unreadable: errors.ServiceError) -> bool:
    # TeleCMI answers an unknown route by 404 and HTML (observed), a firewall by 403: neither is about the token.
    return status < 400 or (status in {403, 404} and isinstance(unreadable, errors.UnexpectedContent))


def _status_of(status: int, answer: dict[str, Any]) -> int:
    code = _whole_number(answer.get("code"))
    if code is None:
        code = 500 if answer.get("error") is True and status < 400 else status
    return status if code < 400 <= status else code


def _raise_for(code: int, *, detail: str, retry_after: float | None) -> None:
    """Raise the error of a status; return if it says success."""
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
    message = _without(secret, _message(answer))[:_MAX_DETAIL_CHARS]
    # Cleaned here, because invisible characters may separate the letters of the token.
    return _read_text(message, _MAX_DETAIL_CHARS, secret) or ""


def _message(answer: dict[str, Any]) -> str:
    """Return TeleCMI's message, which may be in any of these fields (observed)."""
    for key in ("msg", "message", "error", "status"):
        message = answer.get(key)
        if isinstance(message, str):
            return message
        if isinstance(message, dict):
            return json.dumps(message)
    return ""


def _entries(answer: dict[str, Any]) -> list[Any] | None:
    entries = answer.get("contacts")
    if isinstance(entries, dict):
        return [entries] if entries else []
    return entries if isinstance(entries, list) else None


def _read_contacts(answer: dict[str, Any], entries: list[Any], secret: str) -> Sequence[Contact]:
    """Return the entries that are contacts."""
    plain = read_plain(entries) if isinstance(answer, PlainAnswer) else None
    return tuple(_read_entries(entries, secret)) if plain is None else plain


def _read_entries(entries: Sequence[Any], secret: str) -> list[Contact]:
    try:
        columns = zip(zip(*_rows(entries), strict=True), FIELD_LIMITS.values(), strict=False)
        read = [_read_column(values, limit, secret) for values, limit in columns]
    except TypeError:  # one of them is not a contact: read each alone
        return [] if len(entries) == 1 else [found for entry in entries for found in _read_entries([entry], secret)]
    return [Contact._make(row) for row in zip(*read, strict=True) if row[0]]


def _rows(entries: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the values of each entry, in the order of the fields.

    Raises:
        TypeError: An entry is not an object.
    """
    try:
        return [_FIELD_VALUES(entry) for entry in entries]
    except KeyError:  # not all have all fields
        return [tuple(map(partial(dict.get, entry), FIELD_LIMITS)) for entry in entries]


def _read_column(values: Sequence[Any], limit: int, secret: str) -> Iterable[str | None]:
    """Read one field of many contacts, with the result of ``_read_text`` for each value.

    Raises:
        TypeError: A value is neither text nor a whole number.
    """
    if len(values) == 1 or not _is_sound(values, limit, secret):  # for one value the check costs more
        return [_read_text(value, limit, secret) for value in values]
    return [value or None for value in values] if "" in values else values


def _is_sound(values: Sequence[Any], limit: int, secret: str) -> bool:
    """Whether each value is None, or a text that ``_read_text`` returns unchanged.

    The joined text contains each text: if it does not contain the secret and needs no cleaning, neither does any of
    them. Then only the length or blank characters can change a text, and each is checked for these.
    """
    if not set(map(type, values)) <= _TEXT_TYPES:
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
    raw = value[:_MAX_RAW_CHARS] if isinstance(value, str) else _digits(value)
    text = _without(secret, clean(_without(secret, raw), limit=limit))
    shown = text.removesuffix("…") if len(raw) > limit else text  # the ellipsis of a cut alone is no text
    return None if shows_nothing(shown) else text


def _digits(value: Any) -> str:
    """Return a number as text: TeleCMI has sent phone numbers as JSON numbers (observed).

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
    """Return the cursor, and a notice if TeleCMI sent one that cannot be used."""
    if not isinstance(value, str):
        if not value:
            return None, ""
        raise errors.MalformedResponse(detail=f"page_state is a {type(value).__name__}")
    if len(pack_cursor(value)) > MAX_CURSOR or (secret and secret in value):
        return None, "The list ends early: TeleCMI's cursor for the next page cannot be passed on."
    return value or None, ""
