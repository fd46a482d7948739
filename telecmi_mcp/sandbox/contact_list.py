"""Finds a contact of the simulated organisation by id, and divides the list into pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from telecmi_mcp.sandbox.quirks import Quirks

AnyContact: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Page:
    """Contacts from the position `start` on, and the number of the next page; None on the last page."""

    contacts: Sequence[AnyContact]
    start: int
    next_step: int | None


class Organisation:
    """The contacts of the organisation in the order of the list."""

    def __init__(self, contacts: Sequence[AnyContact]) -> None:
        self._contacts = contacts
        self._positions = {
            str(contact.get("contact_id")).lower(): position for position, contact in enumerate(contacts)
        }

    def __len__(self) -> int:
        return len(self._contacts)

    def find(self, contact_id: str) -> int | None:
        """Return the position of the contact with this id (lower case), or None."""
        return self._positions.get(contact_id)

    def page_of(self, position: int) -> Page:
        """Return one contact as the last page of a list."""
        return Page(self._contacts[position : position + 1], position, None)

    def cut(self, step: int, *, limit: int, quirks: Quirks) -> Page:
        """Return page `step` of the list for a `limit`; beyond the end, an empty page."""
        if quirks.cursor_limit == "any":  # a cursor is the position of a contact
            stop = step + limit
            return Page(self._contacts[step:stop], step, stop if stop < len(self) else None)
        start, stop = _span(step, limit, quirks)
        overlap = min(step, _overlap(limit, quirks))
        if start + overlap >= len(self):  # the previous page had the remaining contacts
            start = stop = len(self)
        contacts = self._contacts[start:stop]
        is_more = stop < len(self) or (bool(contacts) and quirks.last_page == "then_empty_page")
        return Page(contacts, start, _next_step(step, is_more=is_more, quirks=quirks))


def _span(step: int, limit: int, quirks: Quirks) -> tuple[int, int]:
    size = _size(limit, quirks)
    stride = size - _overlap(limit, quirks)
    if quirks.page_size != "empty_between":
        return step * stride, step * stride + size
    page, is_empty = divmod(step, 2)
    # An empty page precedes the contacts of the next page.
    return ((page + 1) * stride,) * 2 if is_empty else (page * stride, page * stride + size)


def _size(limit: int, quirks: Quirks) -> int:
    return {"short": (limit + 1) // 2, "oversized": limit * 2}.get(quirks.page_size, limit)


def _overlap(limit: int, quirks: Quirks) -> int:
    # Pages of one contact that repeat a contact would never reach the end.
    return int(quirks.duplicates == "across_pages" and _size(limit, quirks) > 1)


def _next_step(step: int, *, is_more: bool, quirks: Quirks) -> int | None:
    repeating = {"same": max(step, 1), "cycle": 2 if step == 1 else 1}
    return repeating.get(quirks.repeating_cursor, step + 1 if is_more else None)
