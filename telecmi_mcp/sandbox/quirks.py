"""Switches of the sandbox, one for each behaviour that TeleCMI's documents leave open."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """Which of TeleCMI's possible behaviours the sandbox plays; without arguments, the documented ones.

    The number before a comment is the point of the list "Unknown" in docs/telecmi.md; "seen" is what others met
    on the same host, "sign-in" what login is known or feared to do.
    """

    # 1: what a well-formed contact_id brings that nobody has
    unknown_contact: Literal["empty_list", "null", "missing", "object", "other_contact", "code_404", "code_400"] = (
        "empty_list"
    )
    # 1: how a contact that exists comes ("twice": two entries for one id)
    known_contact: Literal["list", "object", "twice"] = "list"

    # 2: what stands under page_state on the last page
    last_page: Literal["absent", "null", "empty_string", "then_empty_page"] = "absent"
    # 3: how many contacts a page holds, against the limit asked for
    page_size: Literal["full", "short", "empty_between", "oversized"] = "full"
    # 3: a cursor that comes again, so that the list never ends
    repeating_cursor: Literal["never", "same", "cycle"] = "never"
    # 3: how a cursor looks ("long": 3,000 characters)
    cursor_form: Literal["hex", "base64", "long"] = "hex"
    # 4: the answer to a stale or foreign cursor
    stale_cursor: Literal["code_400", "code_500"] = "code_400"
    # 5: the number of contacts in the organisation
    count: Literal["number", "string", "missing", "drifting"] = "number"

    # 6: the type of a phone number
    phone_no: Literal["string", "number"] = "string"
    # 6: how a field without a value comes
    gaps: Literal["empty_string", "null", "missing"] = "empty_string"
    # 6: fields that no document names, in a contact and beside the contacts
    extra_fields: Literal["none", "some"] = "none"
    # 6: what is wrong with the second contact of the organisation
    malformed_contact: Literal["none", "no_id", "id_not_uuid", "null", "text", "nested_name"] = "none"
    # 6: whether a page starts with the last contact of the page before
    duplicates: Literal["none", "across_pages"] = "none"

    # 7: a UTF-8 byte order mark before the JSON
    byte_order_mark: Literal["absent", "present"] = "absent"
    # 7: a lone surrogate as a JSON escape in the first contact's name
    first_name: Literal["clean", "lone_surrogate"] = "clean"
    # 7: the caller's own token handed back, in every contact, beside the contacts, or in the error text
    token_echo: Literal["none", "contact", "answer", "error_text"] = "none"

    # 8: throttling, as a verdict in the body or as the HTTP status
    rate_limit: Literal["never", "body", "http"] = "never"
    # 8: the code of a throttled answer
    rate_limit_code: Literal[429, 503] = 429
    # 8: requests answered before the throttling starts
    rate_limit_after: int = 0
    # 8: requests refused before it ends; None is never
    rate_limit_refusals: int | None = None
    # 8: the Retry-After header of a throttled answer, as it is sent; None sends none
    retry_after: str | None = None

    # seen: the code of a good answer
    success_code: Literal["number", "string", "missing"] = "number"
    # seen: where an error says so, in the body of an HTTP 200 or as the HTTP status too
    error_style: Literal["body", "http"] = "body"
    # seen: the key of an error's text ("nested": msg.body[0].message)
    error_text: Literal["msg", "message", "error", "status", "nested"] = "msg"

    # sign-in: the words for a token that is not accepted
    bad_token_text: Literal["not_found", "failed_to_authenticate"] = "not_found"
    # sign-in: its code
    bad_token_code: Literal[404, 401, 403, 407, 420] = 404
    # sign-in: days that a token lives
    token_days: float = 30
    # sign-in: what becomes of a token that was just minted
    fresh_token: Literal["accepted", "refused_at_first", "not_provisioned"] = "accepted"
    # sign-in: requests with a fresh token that are refused at first
    fresh_token_refusals: int = 1
    # sign-in: wrong passwords in a row that lock the user out; None is never
    lockout_after: int | None = None
    # sign-in: seconds that a login takes
    login_seconds: float = 0
    # sign-in: what a good login says
    login_answer: Literal["documented", "without_agent", "without_token"] = "documented"


DOCUMENTED = Quirks()
"""Everything as TeleCMI's documents have it."""
