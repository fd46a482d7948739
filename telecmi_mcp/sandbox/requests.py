"""Parses the requests to the simulated TeleCMI and checks their parameters."""

import json
import re
from dataclasses import dataclass
from typing import NoReturn, Self

from telecmi_mcp.sandbox.quirks import Quirks

MAX_BODY_BYTES = 100 * 1024  # the default of Express for a JSON body
_DEFAULT_LIMIT = 10
_MAX_LIMIT = 100
_ANY_LIMIT = 1_000
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


class RefusedError(Exception):
    """The call fails; the response has TeleCMI's error form: `code`, `error` and a text."""

    def __init__(self, code: int, text: str, *, throttled: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.throttled = throttled


@dataclass(frozen=True, slots=True)
class GetCall:
    """`POST /v3/contact/get`; a parameter that the request does not have is None."""

    token: str
    limit: int
    contact_id: str | None
    page_state: str | None

    @classmethod
    def from_fields(cls, fields: dict[str, object], *, quirks: Quirks) -> Self:
        """Check every documented parameter; ignore others.

        Raises:
            RefusedError: A parameter is invalid (code 400, or what the quirks say).
        """
        contact_id = _text(fields, "contact_id") if "contact_id" in fields else None
        if contact_id is not None and not _UUID.fullmatch(contact_id):
            _check_malformed_id(quirks)
        return cls(
            token=_text(fields, "token"),
            limit=_limit(fields.get("limit", _DEFAULT_LIMIT), quirks),
            contact_id=contact_id,
            page_state=_text(fields, "page_state") if "page_state" in fields else None,
        )


def read_login(fields: dict[str, object]) -> tuple[str, str]:
    """Return the user id and the password of `POST /v2/user/login`.

    Raises:
        RefusedError: One of the two strings is missing (code 400).
    """
    return _text(fields, "id"), _text(fields, "password")


def parse_fields(body: bytes, *, content_type: str) -> dict[str, object]:
    """Return the JSON object of a request body.

    Raises:
        RefusedError: Wrong content type, too many bytes, not JSON in UTF-8, or not an object (code 400).
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


def _check_malformed_id(quirks: Quirks) -> None:
    if quirks.malformed_id == "code_404":
        raise RefusedError(404, "Contact not found")
    if quirks.malformed_id == "code_400":
        _refuse("contact_id")


def _limit(value: object, quirks: Quirks) -> int:
    # A JavaScript server reads 10.0 as 10. In Python, True is an int.
    most = _MAX_LIMIT if quirks.large_limit == "code_400" else _ANY_LIMIT
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= most:
        _refuse("limit")
    limit = int(value) if value == int(value) else _refuse("limit")
    forms = {"capped": _MAX_LIMIT, "default": _DEFAULT_LIMIT}
    return forms.get(quirks.large_limit, limit) if limit > _MAX_LIMIT else limit


def _refuse(name: str) -> NoReturn:
    raise RefusedError(400, f"Invalid parameters: {name}")
