"""Chooses the requests of the contract check, so that few of them show many forms.

Every request is a read with the person's own token. None should do harm: an id or a cursor that TeleCMI does
not know can only be refused or find nothing, and a limit of 101 returns at most one contact more than allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from telecmi_mcp._api.protocol import MAX_LIMIT
from telecmi_mcp._doctor.contract import forms

if TYPE_CHECKING:
    from telecmi_mcp._doctor.contract.exchange import Exchange, Sender

REQUESTS = (
    "first_page: the first 100 contacts",
    "known_id: one of these contacts by its id",
    "unknown_id: a well-formed id that no contact has",
    "malformed_id: an id that is not a UUID",
    "large_limit: a limit of 101",
    "invalid_cursor: a page_state that TeleCMI did not send",
    "limit_1: a limit of 1",
    "next_page: the next page, and up to 2 more if they reach the last one",
    "other_limit: the cursor of the next page with another limit",
    "cursor_again: the same cursor a second time, unless other_limit has shown that this works",
    "full_last_page: pages of a size that divides the number of contacts, as far as requests are left",
)
"""What the check sends, in this order."""

_UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
_MALFORMED_ID = "not-a-uuid"
_INVALID_CURSOR = "invalid"
_OTHER_LIMIT = 10
_MAX_LATER_PAGES = 2
_NOT_FOUND = 404
_RESERVED_FOR_CURSORS = 2  # other_limit and cursor_again


@dataclass(slots=True)
class Observations:
    """The answers, by what they were for; ``None`` for a request that was not sent or not answered.

    Attributes:
        pages: The first page and those that follow it, with one limit.
        full_pages: The same with a limit that divides the number of contacts.
        next_page: The first page that was read by a cursor.
        exchanges: All answers in their order.
        token: The token of the requests.
        stopped: Why the check ended early; "" if it did not.
    """

    token: str = field(repr=False)
    exchanges: list[Exchange]
    pages: list[Exchange] = field(default_factory=list)
    full_pages: list[Exchange] = field(default_factory=list)
    known_id: Exchange | None = None
    unknown_id: Exchange | None = None
    malformed_id: Exchange | None = None
    large_limit: Exchange | None = None
    invalid_cursor: Exchange | None = None
    limit_1: Exchange | None = None
    next_page: Exchange | None = None
    other_limit: Exchange | None = None
    cursor_again: Exchange | None = None
    stopped: str = ""

    def is_confirmed(self, exchange: Exchange) -> bool:
        """Whether TeleCMI accepted a later request, so that a 404 before was not about the token."""
        later = self.exchanges[self.exchanges.index(exchange) + 1 :]
        return any(each.is_accepted for each in later)


async def observe(sender: Sender) -> Observations:
    """Send the requests, and return their answers; stop where the sender stops."""
    seen = Observations(token=sender.token.get_secret_value(), exchanges=sender.exchanges)
    first = await sender.send("first_page", limit=MAX_LIMIT)
    if first is not None and _is_page(first, sender):
        seen.pages.append(first)
        await _look_up(sender, seen, first)
        await _list(sender, seen, first)
    seen.stopped = sender.stopped
    return seen


def _is_page(first: Exchange, sender: Sender) -> bool:
    if sender.stopped:
        return False
    if first.code == _NOT_FOUND and first.answer:
        sender.stopped = "token_rejected"
    elif not first.is_accepted or not isinstance(first.answer.get("contacts"), list):
        sender.stopped = "first_page_unreadable"
    return not sender.stopped


async def _look_up(sender: Sender, seen: Observations, first: Exchange) -> None:
    contact_id = next((each for each in first.ids if forms.is_uuid(each)), None)
    if contact_id is not None:
        seen.known_id = await sender.send("known_id", contact_id=contact_id)
    seen.unknown_id = await sender.send("unknown_id", contact_id=_UNKNOWN_ID)
    seen.malformed_id = await sender.send("malformed_id", contact_id=_MALFORMED_ID)


async def _list(sender: Sender, seen: Observations, first: Exchange) -> None:
    seen.large_limit = await sender.send("large_limit", limit=MAX_LIMIT + 1)
    seen.invalid_cursor = await sender.send("invalid_cursor", limit=_OTHER_LIMIT, page_state=_INVALID_CURSOR)
    seen.limit_1 = await sender.send("limit_1", limit=1)
    if seen.limit_1 is not None and seen.limit_1.code == _NOT_FOUND:
        sender.stopped = "token_rejected"
    await _read_on(sender, seen, first)
    await _use_cursor_again(sender, seen)
    await _read_full_pages(sender, seen, first)


async def _read_on(sender: Sender, seen: Observations, first: Exchange) -> None:
    """Read the page after the first, and those up to the last one if it is near."""
    if first.cursor:
        missing = 0 if first.count is None else first.count - len(first.entries)
        is_near = missing <= MAX_LIMIT * (1 + _MAX_LATER_PAGES)
        await _walk(sender, "next_page", seen.pages, most=1 + _MAX_LATER_PAGES if is_near else 1)
        seen.next_page = seen.pages[1] if len(seen.pages) > 1 else None
    elif seen.limit_1 is not None and seen.limit_1.cursor:
        seen.next_page = await sender.send("next_page", limit=1, page_state=seen.limit_1.cursor)


async def _use_cursor_again(sender: Sender, seen: Observations) -> None:
    page = seen.next_page
    if page is None or not page.is_accepted:
        return
    other_limit = _OTHER_LIMIT if page.limit != _OTHER_LIMIT else 1
    cursor = page.sent["page_state"]
    seen.other_limit = await sender.send("other_limit", limit=other_limit, page_state=cursor)
    if seen.other_limit is None or not seen.other_limit.overlaps(page):
        seen.cursor_again = await sender.send("cursor_again", limit=page.limit, page_state=cursor)


async def _read_full_pages(sender: Sender, seen: Observations, first: Exchange) -> None:
    """Read pages of a size that divides the number of contacts, so that the last one is full."""
    count = first.count
    if not count or count % MAX_LIMIT == 0:  # then the pages of 100 show it
        return
    numbers = (each for each in range(1, sender.left + 1) if count % each == 0 and count // each <= MAX_LIMIT)
    number = next(numbers, None)
    if number is None:
        return
    start = await sender.send("full_last_page", limit=count // number)
    if start is not None:
        seen.full_pages.append(start)
        await _walk(sender, "full_last_page", seen.full_pages, most=number)


async def _walk(sender: Sender, name: str, pages: list[Exchange], *, most: int) -> None:
    """Append the pages that follow, at most so many, up to a cursor that was sent before."""
    sent = {None, *(page.sent.get("page_state") for page in pages)}
    reserved = _RESERVED_FOR_CURSORS if name == "next_page" else 0
    for _ in range(most):
        cursor = pages[-1].cursor
        if not cursor or cursor in sent or sender.left <= reserved or not pages[-1].is_accepted:
            return
        sent.add(cursor)
        page = await sender.send(name, limit=pages[0].limit, page_state=cursor)
        if page is None:
            return
        pages.append(page)
