"""Defines a switch for each behaviour that TeleCMI's documents leave open."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """Selects among TeleCMI's possible behaviours; without arguments, the documented ones.

    The number before a comment is the point of the list "Unknown" in docs/telecmi.md. "seen" marks behaviours that
    others observed on the same host, "sign-in" known or possible behaviours of a login.
    """

    # 1: the response to a well-formed contact_id of no contact
    unknown_contact: Literal["empty_list", "null", "missing", "object", "other_contact", "code_404", "code_400"] = (
        "empty_list"
    )
    # 1: the form of an existing contact ("twice": two entries for one id)
    known_contact: Literal["list", "object", "twice"] = "list"
    # 1: the response to a contact_id that is not a UUID
    malformed_id: Literal["code_400", "code_404", "like_unknown"] = "code_400"

    # 2: the value of page_state on the last page ("same_cursor": the cursor of the request, if it had one)
    last_page: Literal["absent", "null", "empty_string", "then_empty_page", "same_cursor"] = "absent"
    # 3: the number of contacts of a page, compared with the limit
    page_size: Literal["full", "short", "empty_between", "oversized"] = "full"
    # 3: a cursor that repeats, so that the list never ends
    repeating_cursor: Literal["never", "same", "cycle"] = "never"
    # 3: the form of a cursor ("long": 3,000 characters)
    cursor_form: Literal["hex", "base64", "long"] = "hex"
    # 3: the limits with which a cursor is valid ("any": the other quirks of pages have no effect)
    cursor_limit: Literal["same", "any"] = "same"
    # 3: how often a cursor is valid; a used one is stale
    cursor_use: Literal["many", "once"] = "many"
    # 3: the order of a page ("changing": each page that is sent starts with another of its contacts)
    order: Literal["stable", "changing"] = "stable"
    # 3: the response to a limit of more than 100 ("default": a page of 10)
    large_limit: Literal["code_400", "capped", "honoured", "default"] = "code_400"
    # 4: the response to a stale or foreign cursor
    stale_cursor: Literal["code_400", "code_500", "first_page", "empty_page"] = "code_400"
    # 5: the number of contacts in the organisation
    count: Literal["number", "string", "missing", "drifting"] = "number"

    # 6: the type of a phone number ("plus": a string with a plus sign)
    phone_no: Literal["string", "number", "plus"] = "string"
    # 6: the letters of a contact_id ("upper_only": of a request's, too)
    id_case: Literal["lower", "upper", "upper_only"] = "lower"
    # 6: the form of a field without a value
    gaps: Literal["empty_string", "null", "missing"] = "empty_string"
    # 6: undocumented fields, in a contact and beside the contacts
    extra_fields: Literal["none", "some"] = "none"
    # 6: the defect of the second contact of the organisation
    malformed_contact: Literal["none", "no_id", "id_not_uuid", "null", "text", "nested_name"] = "none"
    # 6: a page starts with the last contact of the previous page
    duplicates: Literal["none", "across_pages"] = "none"

    # 7: the content type of a JSON body
    content_type: Literal["json", "html", "none"] = "json"
    # 7: a UTF-8 byte order mark before the JSON
    byte_order_mark: Literal["absent", "present"] = "absent"
    # 7: a lone surrogate as a JSON escape in the first contact's name
    first_name: Literal["clean", "lone_surrogate"] = "clean"
    # 7: the response holds the caller's token: in every contact, beside the contacts, or in the error text
    token_echo: Literal["none", "contact", "answer", "error_text"] = "none"

    # 8: throttling, as a code in the body or as the HTTP status
    rate_limit: Literal["never", "body", "http"] = "never"
    # 8: the code of a throttled response
    rate_limit_code: Literal[429, 503] = 429
    # 8: number of requests before the throttling starts
    rate_limit_after: int = 0
    # 8: number of throttled requests; None is all
    rate_limit_refusals: int | None = None
    # 8: the Retry-After header of a throttled response; None sends none
    retry_after: str | None = None
    # 8: headers that tell the rate limit
    rate_headers: Literal["none", "ratelimit", "x_ratelimit"] = "none"

    # 8: seconds until a response
    answer_seconds: float = 0

    # seen: the code of a successful response
    success_code: Literal["number", "string", "missing"] = "number"
    # seen: the place of an error code: the body of an HTTP 200, or the HTTP status too
    error_style: Literal["body", "http"] = "body"
    # seen: the key of an error's text ("nested": msg.body[0].message)
    error_text: Literal["msg", "message", "error", "status", "nested"] = "msg"

    # sign-in: the text for a rejected token
    bad_token_text: Literal["not_found", "failed_to_authenticate"] = "not_found"
    # sign-in: the code for a rejected token
    bad_token_code: Literal[404, 401, 403, 407, 420] = 404
    # sign-in: lifetime of a token in days
    token_days: float = 30
    # sign-in: the response to a new token
    fresh_token: Literal["accepted", "refused_at_first", "not_provisioned"] = "accepted"
    # sign-in: number of requests with a new token that are rejected at first
    fresh_token_refusals: int = 1
    # sign-in: consecutive wrong passwords that lock the user out; None is never
    lockout_after: int | None = None
    # sign-in: duration of a login in seconds
    login_seconds: float = 0
    # sign-in: the fields of a successful login
    login_answer: Literal["documented", "without_agent", "without_token"] = "documented"


DOCUMENTED = Quirks()
"""The behaviour of TeleCMI's documents."""
