"""Lists the points of the report, with the function that finds the form of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from telecmi_mcp._doctor.contract import answers, lookups, pages
from telecmi_mcp._models import FIELD_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from telecmi_mcp._doctor.contract.plan import Observations


class Point(NamedTuple):
    """A point that TeleCMI's documents leave open.

    Attributes:
        number: Number in the list "Unknown" of docs/telecmi.md.
        name: Name in the report; field types have the name of their field after a dot.
        find: Returns the form that TeleCMI's answers have.
    """

    number: int
    name: str
    find: Callable[[Observations], str]


POINTS = (
    Point(1, "unknown_id", lookups.unknown_id),
    Point(1, "malformed_id", lookups.malformed_id),
    Point(1, "known_id", lookups.known_id),
    Point(2, "last_page", pages.last_page),
    Point(2, "full_last_page", pages.full_last_page),
    Point(2, "page_state_of_known_id", pages.page_state_of_known_id),
    Point(3, "page_size", pages.page_size),
    Point(3, "limit_1", lookups.limit_1),
    Point(3, "large_limit", lookups.large_limit),
    Point(3, "order", pages.order),
    Point(3, "sorted_by", pages.sorted_by),
    Point(3, "cursor", pages.cursor),
    Point(3, "repeated_cursor", pages.repeated_cursor),
    Point(3, "cursor_limit", lookups.cursor_limit),
    Point(3, "cursor_again", lookups.cursor_again),
    Point(3, "cursor_age", lookups.cursor_age),
    Point(4, "invalid_cursor", lookups.invalid_cursor),
    Point(5, "count", pages.count),
    Point(5, "count_between_pages", pages.count_between_pages),
    Point(5, "contacts", pages.contacts),
    Point(6, "contact_id", pages.contact_id),
    Point(6, "phone_no", pages.phone_no),
    *(Point(6, f"type.{name}", partial(pages.field_form, name=name)) for name in FIELD_LIMITS),
    Point(6, "other_fields", pages.other_fields),
    Point(6, "malformed_contacts", pages.defects),
    Point(6, "duplicates", pages.duplicates),
    Point(7, "body", answers.body),
    Point(7, "content_type", answers.content_type),
    Point(7, "headers", answers.headers),
    Point(7, "lone_surrogates", answers.lone_surrogates),
    Point(7, "success_code", answers.success_code),
    Point(7, "error_style", answers.error_style),
    Point(7, "error_text", answers.error_text),
    Point(7, "token_echo", answers.token_echo),
    Point(8, "throttling", answers.throttling),
    Point(8, "rate_headers", answers.rate_headers),
    Point(8, "durations", answers.durations),
    Point(9, "token", answers.token),
    Point(9, "rejected_token", answers.rejected_token),
)
