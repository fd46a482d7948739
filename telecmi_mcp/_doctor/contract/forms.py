"""Names the form of a value from TeleCMI: its type, or the kind of its text, without the value.

Every name is a word of this module. No text of TeleCMI is part of one.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from telecmi_mcp._models import FIELD_LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOT_SEEN = "not_seen"
MISSING = object()
"""Stands for a key that is not there."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = re.compile(r"([0-9a-fA-F]{2})+")
_GROUPS = re.compile(r"[^\W_]{4}(-[^\W_]{4})+")
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_MEDIA_TYPES = ("application/json", "text/html", "text/plain", "text/json")
_MAX_HEADER_DIGITS = 6
_MIN_CODE, _MAX_CODE = 100, 999


def join(names: Iterable[str], *, none: str = NOT_SEEN) -> str:
    """Return distinct names in alphabetical order; ``none`` if there are none."""
    return ", ".join(sorted(set(names))) or none


def value_form(value: object) -> str:
    """Return the JSON type of a value; an empty string is a type of its own here."""
    if value is MISSING:
        return "missing"
    if value is None:
        return "null"
    if isinstance(value, str):
        return "string" if value else "empty_string"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"


def whole_number(value: object) -> int | None:
    """Return a number of an answer that may be a numeric string."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(2**63)):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def status_code(value: object) -> int | None:
    """Return the code of an answer if it has three digits, 999 for one with more; the client takes both for errors."""
    code = whole_number(value)
    return None if code is None or code < _MIN_CODE else min(code, _MAX_CODE)


def cursor_form(value: object) -> str:
    """Return the coding of a cursor and its length."""
    if not isinstance(value, str) or not value:
        return value_form(value)
    return f"{_cursor_coding(value)} of {len(value):,} characters"


def phone_form(value: object) -> str:
    """Return how a telephone number is written."""
    if not isinstance(value, str) or not value:
        return value_form(value)
    digits = value.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal()):
        return "other_text"
    return "plus_and_digits" if value.startswith("+") else "digits"


def id_form(value: object) -> str:
    """Return whether an id is a UUID, and the case of its letters."""
    if not isinstance(value, str) or not value:
        return value_form(value)
    if not is_uuid(value):
        return "not_uuid"
    return "uuid_in_lower_case" if value == value.lower() else "uuid_in_upper_or_mixed_case"


def token_form(token: str) -> str:
    """Return the form of the caller's token."""
    if _GROUPS.fullmatch(token):
        return "groups_of_four"
    return "three_parts_like_a_jwt" if _JWT.fullmatch(token) else "other_text"


def entry_defects(entry: object) -> list[str]:
    """Return why an entry of a page is not a contact as documented."""
    if not isinstance(entry, dict):
        return [f"entry_is_{value_form(entry)}"]
    contact_id = entry.get("contact_id", MISSING)
    defects = [] if is_uuid(contact_id) else [f"contact_id_is_{id_form(contact_id)}"]
    nested = any(isinstance(entry.get(name), list | dict) for name in FIELD_LIMITS)
    return [*defects, *(["field_is_nested"] if nested else [])]


def is_uuid(value: object) -> bool:
    """Whether a value is a UUID in text form, in any case."""
    return isinstance(value, str) and bool(_UUID.fullmatch(value))


def has_lone_surrogate(value: object) -> bool:
    """Whether a text anywhere in a JSON value has half of a surrogate pair."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            if any("\ud800" <= character <= "\udfff" for character in each):
                return True
        elif isinstance(each, dict):
            pending += [*each, *each.values()]
        elif isinstance(each, list):
            pending += each
    return False


def media_type(headers: Mapping[str, str]) -> str:
    """Return the content type if it is a known one, and whether it says UTF-8."""
    kind, _, parameters = headers.get("content-type", "").lower().partition(";")
    if not kind.strip():
        return "missing"
    charset = " in utf-8" if parameters.replace(" ", "").replace('"', "") == "charset=utf-8" else ""
    return f"{kind.strip()}{charset}" if kind.strip() in _MEDIA_TYPES else "other"


def header_number(text: str) -> str:
    """Return a whole number of a header, if it is short enough to be no secret."""
    short = text.isascii() and text.isdecimal() and len(text) <= _MAX_HEADER_DIGITS
    return f"about {round_off(int(text)):,}" if short else "other_text"


def round_off(number: int) -> int:
    """Return a number with one significant digit."""
    return round(number, 1 - len(str(abs(number))))


def message_of(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Return the place of an error's text, and the text; observed places are those of the client."""
    for key in ("msg", "message", "error", "status"):
        value = answer.get(key)
        if isinstance(value, str):
            return key, value
        if isinstance(value, dict | list):
            return f"nested below {key}", ""
    return "missing", ""


def _cursor_coding(text: str) -> str:
    if text.isascii() and text.isdecimal():
        return "digits"
    if _HEX.fullmatch(text):
        return "hex"
    try:
        b64decode(text, validate=True)
    except ValueError:
        return "text"
    return "base64"
