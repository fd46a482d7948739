"""Contacts of the pretend organisation, found by id and divided into pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from telecmi_mcp.sandbox.quirks import Quirks

AnyContact: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Page:
    """Contacts from the position `start` on, and the number of the next page; None is "no more"."""

    contacts: Sequence[AnyContact]
    start: int
    next_step: int | None


class Organisation:
    """Contacts in the order of their list, each with its position."""

    def __init__(self, contacts: Sequence[AnyContact]) -> None:
        self._contacts = contacts
        self._positions = {
            str(contact.get("contact_id")).lower(): position for position, contact in enumerate(contacts)
        }

    def __len__(self) -> int:
        return len(self._contacts)

    def find(self, contact_id: str) -> int | None:
        """The position of a contact, by its id in lower case."""
        return self._positions.get(contact_id)

    def page_of(self, position: int) -> Page:
        """One contact as a page that ends the list."""
        return Page(self._contacts[position : position + 1], position, None)

    def cut(self, step: int, *, limit: int, quirks: Quirks) -> Page:
        """The page number `step` of the list read by `limit`; beyond the end, an empty one."""
        start, stop = _span(step, limit, quirks)
        overlap = min(step, _overlap(limit, quirks))
        if start + overlap >= len(self):  # what is left, the page before had already
            start = stop = len(self)
        contacts = self._contacts[start:stop]
        is_more = stop < len(self) or (bool(contacts) and quirks.last_page == "then_empty_page")
        return Page(contacts, start, _next_step(step, is_more=is_more, quirks=quirks))


def _span(step: int, limit: int, quirks: Quirks) -> tuple[int, int]:
    size = _size(limit, quirks)
    stride = size - _overlap(limit, quirks)
    if quirks.page_size != "empty_between":
        return step * stride, step * stride + size
    turn, is_empty = divmod(step, 2)
    # An empty page stands just before the contacts that come next.
    return ((turn + 1) * stride,) * 2 if is_empty else (turn * stride, turn * stride + size)


def _size(limit: int, quirks: Quirks) -> int:
    match quirks.page_size:
        case "short":
            return (limit + 1) // 2
        case "oversized":
            return limit * 2
        case _:
            return limit


def _overlap(limit: int, quirks: Quirks) -> int:
    # A page of one contact that repeats one would never come to the end.
    return int(quirks.duplicates == "across_pages" and _size(limit, quirks) > 1)


def _next_step(step: int, *, is_more: bool, quirks: Quirks) -> int | None:
    match quirks.repeating_cursor:
        case "same":
            return max(step, 1)
        case "cycle":
            return 2 if step == 1 else 1
        case _:
            return step + 1 if is_more else None
