"""Names the forms of the pages of a list: their end, their size, their order, their count and their entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._doctor.contract import forms
from telecmi_mcp._doctor.contract.forms import MISSING, NOT_SEEN
from telecmi_mcp._models import FIELD_LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telecmi_mcp._doctor.contract.exchange import Exchange
    from telecmi_mcp._doctor.contract.plan import Observations

_MIN_SORTED = 3
_NO_CURSOR = (MISSING, None, "")
_ENVELOPE = {"code", "contacts", "count", "page_state", "error", "msg", "message", "status", "token"}


def last_page(seen: Observations) -> str:
    """Name the end of a list whose last page is shorter than the limit."""
    return forms.join(end for pages in _walks(seen) for end, is_full in _end(pages) if not is_full)


def full_last_page(seen: Observations) -> str:
    """Name the end of a list whose last page is as long as the limit."""
    return forms.join(end for pages in _walks(seen) for end, is_full in _end(pages) if is_full)


def page_state_of_known_id(seen: Observations) -> str:
    """Name the end of the list of one contact, where the last page of all contacts is too far away."""
    known = seen.known_id
    return forms.value_form(known.page_state) if known is not None and known.is_accepted else NOT_SEEN


def repeated_cursor(seen: Observations) -> str:
    if len(seen.pages) < 2:
        return NOT_SEEN
    cursors = [page.cursor for page in seen.pages if page.cursor]
    if len(set(cursors)) == len(cursors) or last_page(seen) == "same_cursor" or full_last_page(seen) == "same_cursor":
        return "never"
    return "same" if cursors[-1] == cursors[-2] else "earlier"


def page_size(seen: Observations) -> str:
    """Compare each page that is not the last one with its limit."""
    return forms.join(_compare_size(page) for pages in _walks(seen) for page in pages[: _last_filled(pages)])


def duplicates(seen: Observations) -> str:
    pages = [page.ids for page in seen.pages if page.ids]
    if any(len(set(ids)) < len(ids) for ids in pages):
        return "within_page"
    if len(pages) < 2:
        return NOT_SEEN
    every_id = [contact_id for ids in pages for contact_id in ids]
    return "none" if len(set(every_id)) == len(every_id) else "across_pages"


def order(seen: Observations) -> str:
    """Compare pages that were read twice."""
    if not seen.pages:
        return NOT_SEEN
    pairs = [(seen.pages[0], seen.large_limit), (seen.next_page, seen.cursor_again), (seen.next_page, seen.other_limit)]
    compared = [_same_order(one.ids, other.ids) for one, other in pairs if one is not None and other is not None]
    told = [is_same for is_same in compared if is_same is not None]
    if not told:
        return NOT_SEEN
    return "stable" if all(told) else "changing"


def sorted_by(seen: Observations) -> str:
    """Name the fields by which the first page is sorted."""
    if not seen.pages or len(seen.pages[0].entries) < _MIN_SORTED:
        return NOT_SEEN
    return forms.join(_sorted_by(seen.pages[0]), none="no_field")


def count(seen: Observations) -> str:
    return forms.join(forms.value_form(each.answer.get("count", MISSING)) for each in _lists(seen))


def count_between_pages(seen: Observations) -> str:
    counts = [each.count for each in _lists(seen) if each.count is not None]
    if len(counts) < 2:
        return NOT_SEEN
    return "same" if len(set(counts)) == 1 else "differs"


def contacts(seen: Observations) -> str:
    number = seen.pages[0].count if seen.pages else None
    return NOT_SEEN if number is None else f"about {forms.round_off(number):,}"


def cursor(seen: Observations) -> str:
    return forms.join(forms.cursor_form(page.page_state) for page in _lists(seen) if page.page_state not in _NO_CURSOR)


def contact_id(seen: Observations) -> str:
    return forms.join(forms.id_form(each.get("contact_id", MISSING)) for each in _objects(seen))


def phone_no(seen: Observations) -> str:
    return forms.join(forms.phone_form(each.get("phone_no", MISSING)) for each in _objects(seen))


def defects(seen: Observations) -> str:
    entries = _entries(seen)
    if not entries:
        return NOT_SEEN
    return forms.join((defect for entry in entries for defect in forms.entry_defects(entry)), none="none")


def other_fields(seen: Observations) -> str:
    """Count the keys that are not documented, of contacts and of answers; their names are TeleCMI's text."""
    if not seen.pages:
        return NOT_SEEN
    in_contacts = {key for each in _objects(seen) for key in each if key not in FIELD_LIMITS}
    in_answers = {key for each in seen.exchanges for key in each.answer if key not in _ENVELOPE}
    return f"{len(in_contacts)} in contacts, {len(in_answers)} in answers"


def field_form(seen: Observations, *, name: str) -> str:
    """Return the types of one field of the contacts."""
    return forms.join(forms.value_form(each.get(name, MISSING)) for each in _objects(seen))


def _walks(seen: Observations) -> list[list[Exchange]]:
    walks = (seen.pages, seen.full_pages)
    return [accepted for pages in walks if (accepted := [page for page in pages if page.is_accepted])]


def _lists(seen: Observations) -> list[Exchange]:
    return [page for pages in _walks(seen) for page in pages]


def _entries(seen: Observations) -> list[object]:
    return [entry for page in _lists(seen) for entry in page.entries]


def _objects(seen: Observations) -> Iterator[dict[str, object]]:
    return (entry for entry in _entries(seen) if isinstance(entry, dict))


def _end(pages: list[Exchange]) -> Iterator[tuple[str, bool]]:
    """Yield the form of the end, and whether the last page with contacts is full; nothing if the end was not read."""
    last = pages[-1]
    filled = pages[_last_filled(pages)]
    is_full = len(filled.entries) >= filled.limit
    count = pages[0].count
    if not last.cursor:
        form = "then_empty_page" if not last.entries and len(pages) > 1 else forms.value_form(last.page_state)
        is_early = count is not None and sum(len(page.entries) for page in pages) < count
        yield (f"{form}_before_all_contacts" if is_early else form), is_full
    elif count is not None and len({contact_id for page in pages for contact_id in page.ids}) >= count:
        yield _surplus_cursor(pages), is_full


def _surplus_cursor(pages: list[Exchange]) -> str:
    """Name the cursor of a page after which no contact is missing."""
    cursor = pages[-1].cursor
    if cursor == pages[-1].sent.get("page_state"):
        return "same_cursor"
    return "earlier_cursor" if cursor in {page.sent.get("page_state") for page in pages} else "another_cursor"


def _last_filled(pages: list[Exchange]) -> int:
    """Return the position of the last page with contacts; 0 if no page has any."""
    return max((position for position, page in enumerate(pages) if page.entries), default=0)


def _compare_size(page: Exchange) -> str:
    size = len(page.entries)
    if size == 0:
        return "empty"
    return "full" if size == page.limit else "short" if size < page.limit else "oversized"


def _same_order(one: list[str], other: list[str]) -> bool | None:
    """Whether two pages that start alike have the same order; None if that cannot be told."""
    length = min(len(one), len(other))
    if length < 2 or set(one[:length]) != set(other[:length]):
        return None
    return one[:length] == other[:length]


def _sorted_by(page: Exchange) -> list[str]:
    entries = [entry for entry in page.entries if isinstance(entry, dict)]
    columns = {name: [str(entry.get(name)).casefold() for entry in entries] for name in FIELD_LIMITS}
    return [name for name, column in columns.items() if len(set(column)) >= _MIN_SORTED and column == sorted(column)]
