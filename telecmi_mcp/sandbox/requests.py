"""Parses requests to the pretend TeleCMI: bytes in, a checked call or a refusal out."""

import json
import re
from dataclasses import dataclass
from typing import NoReturn, Self

MAX_BODY_BYTES = 100 * 1024  # what Express reads of a JSON body unless told otherwise
_DEFAULT_LIMIT = 10
_MAX_LIMIT = 100
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


class RefusedError(Exception):
    """A call that gets TeleCMI's error form: `code`, `error` and a text."""

    def __init__(self, code: int, text: str, *, throttled: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.throttled = throttled


@dataclass(frozen=True, slots=True)
class LoginCall:
    """`POST /v2/user/login`."""

    user_id: str
    password: str

    @classmethod
    def from_fields(cls, fields: dict[str, object]) -> Self:
        """Check the two required strings.

        Raises:
            RefusedError: code 400.
        """
        return cls(_text(fields, "id"), _text(fields, "password"))


@dataclass(frozen=True, slots=True)
class GetCall:
    """`POST /v3/contact/get`; `contact_id` is in lower case, None is "not given"."""

    token: str
    limit: int
    contact_id: str | None
    page_state: str | None

    @classmethod
    def from_fields(cls, fields: dict[str, object]) -> Self:
        """Check every parameter that the documents name; others are ignored.

        Raises:
            RefusedError: code 400.
        """
        contact_id = _text(fields, "contact_id").lower() if "contact_id" in fields else None
        if contact_id is not None and not _UUID.fullmatch(contact_id):
            _refuse("contact_id")
        return cls(
            token=_text(fields, "token"),
            limit=_limit(fields.get("limit", _DEFAULT_LIMIT)),
            contact_id=contact_id,
            page_state=_text(fields, "page_state") if "page_state" in fields else None,
        )


def parse_fields(body: bytes, *, content_type: str) -> dict[str, object]:
    """The JSON object in a request's body.

    Raises:
        RefusedError: code 400, another content type, too many bytes, no JSON in UTF-8, no object.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        _refuse("content-type")
    if len(body) > MAX_BODY_BYTES:
        _refuse("body")
    try:
        fields = json.loads(body.decode(), parse_constant=lambda _: _refuse("body"))
    except (ValueError, RecursionError):
        _refuse("body")
    if not isinstance(fields, dict):
        _refuse("body")
    return fields


def _text(fields: dict[str, object], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else _refuse(name)


def _limit(value: object) -> int:
    # 10.0 is 10 to a server in JavaScript; true is 1 only to Python.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= _MAX_LIMIT:
        _refuse("limit")
    return int(value) if value == int(value) else _refuse("limit")


def _refuse(name: str) -> NoReturn:
    raise RefusedError(400, f"Invalid parameters: {name}")
