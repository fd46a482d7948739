"""Names the form of the answer to one id, to one limit and to one cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._api.protocol import MAX_LIMIT
from telecmi_mcp._doctor.contract import forms
from telecmi_mcp._doctor.contract.forms import NOT_SEEN

if TYPE_CHECKING:
    from telecmi_mcp._doctor.contract.exchange import Exchange
    from telecmi_mcp._doctor.contract.plan import Observations

_NOT_FOUND = 404
_SAME_PAGE = "same_page"


def unknown_id(seen: Observations) -> str:
    return _lookup(seen.unknown_id, seen)


def known_id(seen: Observations) -> str:
    return _lookup(seen.known_id, seen)


def malformed_id(seen: Observations) -> str:
    return _lookup(seen.malformed_id, seen)


def limit_1(seen: Observations) -> str:
    sizes = {0: "no_contact", 1: "one_contact"}
    return _failure(seen.limit_1, seen) or sizes.get(_size(seen.limit_1), "more_contacts")


def large_limit(seen: Observations) -> str:
    """Tell a limit of 101 that is capped from one that is honoured; for that TeleCMI needs more than 100 contacts."""
    failure = _failure(seen.large_limit, seen)
    if failure:
        return failure
    sizes = {10: "default_of_10", MAX_LIMIT: "capped_at_100", MAX_LIMIT + 1: "honoured"}
    has_more = bool(seen.pages[0].cursor)
    return sizes.get(_size(seen.large_limit), "another_size") if has_more else "accepted"


def invalid_cursor(seen: Observations) -> str:
    return _failure(seen.invalid_cursor, seen) or _place(seen.invalid_cursor, seen)


def cursor_limit(seen: Observations) -> str:
    """Name what a cursor does with another limit; if it fails with its own limit too, that says nothing."""
    place = _failure(seen.other_limit, seen) or _place(seen.other_limit, seen)
    return place if cursor_again(seen) == _SAME_PAGE else NOT_SEEN


def cursor_again(seen: Observations) -> str:
    if seen.next_page is None or not seen.next_page.ids:  # another empty page would not tell anything
        return NOT_SEEN
    again = _second_use(seen)
    return _failure(again, seen) or _place(again, seen)


def cursor_age(seen: Observations) -> str:
    """Return for how long a cursor was valid, as far as a check of some seconds shows."""
    again = _second_use(seen)
    source = seen.pages[0] if len(seen.pages) > 1 else seen.limit_1
    if again is None or source is None or cursor_again(seen) != _SAME_PAGE:
        return NOT_SEEN
    return f"at least {round(again.sent_at - source.sent_at)} s"


def _second_use(seen: Observations) -> Exchange | None:
    return seen.other_limit if seen.cursor_again is None else seen.cursor_again


def _lookup(exchange: Exchange | None, seen: Observations) -> str:
    failure = _failure(exchange, seen)
    if failure or exchange is None:
        return failure
    contacts = exchange.answer.get("contacts", forms.MISSING)
    entries = exchange.entries
    if not entries:
        form = forms.value_form(contacts)
        return {"array": "empty_list", "object": "empty_object"}.get(form, form)
    if any(contact_id != exchange.sent["contact_id"] for contact_id in exchange.ids):
        return "other_contact"
    if not exchange.ids:
        return "without_contact_id"
    return "object" if isinstance(contacts, dict) else "list" if len(entries) == 1 else "list_with_contact_twice"


def _place(exchange: Exchange | None, seen: Observations) -> str:
    """Return which part of the list a page is."""
    if exchange is None:
        return NOT_SEEN
    if not exchange.ids:
        return "empty_page"
    if seen.next_page is not None and exchange.overlaps(seen.next_page):
        return _SAME_PAGE
    return "first_page" if exchange.overlaps(seen.pages[0]) else "other_page"


def _failure(exchange: Exchange | None, seen: Observations) -> str:
    """Return why an answer shows nothing but a refusal; "" if it has data."""
    if exchange is None:
        return NOT_SEEN
    if exchange.is_accepted:
        return ""
    if not exchange.answer:
        return f"http_{exchange.status} with body_is_{exchange.body_form}"
    if exchange.code == _NOT_FOUND and not seen.is_confirmed(exchange):
        return NOT_SEEN
    return f"code_{exchange.code}"


def _size(exchange: Exchange | None) -> int:
    return 0 if exchange is None else len(exchange.entries)
