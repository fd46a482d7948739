"""Builds the responses of the simulated TeleCMI in the forms that the quirks select."""

import html
import json
from collections.abc import Mapping

from starlette.responses import Response

from telecmi_mcp.sandbox.contact_list import AnyContact, Page
from telecmi_mcp.sandbox.quirks import Quirks
from telecmi_mcp.sandbox.requests import RefusedError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONE_SURROGATE = "\ud83d"
_RATE_HEADERS = {
    "none": {},
    "ratelimit": {"ratelimit-limit": "60", "ratelimit-remaining": "59", "ratelimit-reset": "30"},
    "x_ratelimit": {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "59"},
}
_EXTRA_CONTACT_FIELDS = {"owner": "103_1111112", "tags": ["lead"], "custom": {"tier": 1}, "is_blocked": False}
_EXTRA_ANSWER_FIELDS = {"request_id": "sandbox", "meta": {"version": 3}}


def success(fields: Mapping[str, object], *, quirks: Quirks) -> Response:
    """Return HTTP 200 with the code of a successful response."""
    codes: dict[str, dict[str, object]] = {"number": {"code": 200}, "string": {"code": "200"}, "missing": {}}
    return _json({**codes[quirks.success_code], **fields}, quirks=quirks)


def refusal(error: RefusedError, *, token: object, quirks: Quirks) -> Response:
    """Return TeleCMI's error form; the code is in the body, and with some quirks in the HTTP status too."""
    is_echoed = quirks.token_echo == "error_text" and isinstance(token, str)
    text = f"{error.text} ({token})" if is_echoed else error.text
    body: dict[str, object] = {"code": error.code, "error": True}
    if quirks.error_text == "nested":
        body["msg"] = {"body": [{"message": text}]}
    else:
        body[quirks.error_text] = text
    style = quirks.rate_limit if error.throttled else quirks.error_style
    response = _json(body, status=error.code if style == "http" else 200, quirks=quirks)
    if error.throttled and quirks.retry_after is not None:
        response.headers["retry-after"] = quirks.retry_after
    return response


def no_route(method: str, path: str) -> Response:
    """Return the page that Express sends for an unknown route."""
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
        f"<body>\n<pre>Cannot {html.escape(method)} {html.escape(path)}</pre>\n</body>\n</html>\n"
    )
    return Response(page.encode(errors="backslashreplace"), 404, media_type="text/html")


def contact_list(page: Page, *, token: str, quirks: Quirks) -> list[object]:
    """Return the contacts of a page in the form of the quirks."""
    return [
        _apply_quirks(contact, position=position, token=token, quirks=quirks)
        for position, contact in enumerate(page.contacts, page.start)
    ]


def contact_fields(contacts: object, *, token: str, quirks: Quirks) -> dict[str, object]:
    """Return `contacts` and the undocumented fields beside it."""
    fields: dict[str, object] = {"contacts": contacts}
    if quirks.extra_fields == "some":
        fields |= _EXTRA_ANSWER_FIELDS
    if quirks.token_echo == "answer":
        fields["token"] = token
    return fields


def list_fields(
    total: int, *, step: int, cursor: str | None, quirks: Quirks, sent: str | None = None
) -> dict[str, object]:
    """Return `count` and `page_state` of page `step`; a drifting count grows by one with each page.

    `cursor` is the one of the next page, `sent` the one of the request.
    """
    counts = {"number": total, "string": str(total), "drifting": total + step}
    ends = {"null": None, "empty_string": "", **({} if sent is None else {"same_cursor": sent})}
    states = ends if cursor is None else {quirks.last_page: cursor}
    return {
        **({"count": counts[quirks.count]} if quirks.count in counts else {}),
        **({"page_state": states[quirks.last_page]} if quirks.last_page in states else {}),
    }


def _apply_quirks(contact: AnyContact, *, position: int, token: str, quirks: Quirks) -> object:
    fields = dict(contact)
    if position == 0 and quirks.first_name == "lone_surrogate":
        fields["first_name"] = f"{fields.get('first_name', '')}{_LONE_SURROGATE}"
    if quirks.token_echo == "contact":
        fields["job_title"] = token
    phone_no = fields.get("phone_no")
    if quirks.phone_no != "string" and isinstance(phone_no, str) and phone_no.isdecimal():
        fields["phone_no"] = int(phone_no) if quirks.phone_no == "number" else f"+{phone_no}"
    if quirks.id_case != "lower" and isinstance(contact_id := fields.get("contact_id"), str):
        fields["contact_id"] = contact_id.upper()
    if quirks.extra_fields == "some":
        fields |= _EXTRA_CONTACT_FIELDS
    fields = _with_gaps(fields, quirks)
    return _spoil(fields, quirks) if position == 1 else fields


def _with_gaps(fields: dict[str, object], quirks: Quirks) -> dict[str, object]:
    if quirks.gaps == "empty_string":
        return fields
    present = {name: value for name, value in fields.items() if value != ""}
    return {**dict.fromkeys(fields), **present} if quirks.gaps == "null" else present


def _spoil(fields: dict[str, object], quirks: Quirks) -> object:
    spoilt = {
        "none": fields,
        "no_id": {name: value for name, value in fields.items() if name != "contact_id"},
        "id_not_uuid": {**fields, "contact_id": "42"},
        "null": None,
        "text": "contact",
        "nested_name": {**fields, "first_name": {"value": fields.get("first_name")}},
    }
    return spoilt[quirks.malformed_contact]


def _json(body: Mapping[str, object], *, status: int = 200, quirks: Quirks) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    # UTF-8, as Express writes it. A lone surrogate has no UTF-8 form and becomes its JSON escape.
    content = text.encode(errors="backslashreplace")
    mark = _BYTE_ORDER_MARK if quirks.byte_order_mark == "present" else b""
    media_type = {"json": "application/json; charset=utf-8", "html": "text/html"}.get(quirks.content_type)
    return Response(mark + content, status, headers=_RATE_HEADERS[quirks.rate_headers], media_type=media_type)
