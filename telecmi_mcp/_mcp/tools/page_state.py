"""The ``page_state`` of a search: a position in the order of its matches, bound to the search and to the account."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from telecmi_mcp._api.cursors import SEARCH_PREFIX
from telecmi_mcp.errors import InvalidArguments

if TYPE_CHECKING:
    from telecmi_mcp._index.request import SearchRequest

_DIGEST_BYTES = 9
_MAX_PAGE_STATE = 400  # characters; a position needs fewer than 250
_TOO_LARGE = 2.0**53  # from here on a float does not hold every whole number


def pack_position(position: tuple[float, ...], created_at: float, request: SearchRequest, *, account: str) -> str:
    """Return the ``page_state`` of the page after a position. It holds no value of a contact's field."""
    content = json.dumps([_digest(request, account), created_at, *position], separators=(",", ":"))
    return SEARCH_PREFIX + urlsafe_b64encode(content.encode()).decode().rstrip("=")


def unpack_position(page_state: str, request: SearchRequest, *, account: str) -> SearchRequest:
    """Return the request for the page after the position of a ``page_state``.

    Raises:
        InvalidArguments: It came from list_contacts, from another search or account, or was changed.
    """
    if not page_state.startswith(SEARCH_PREFIX):
        raise InvalidArguments(
            hint="Omit page_state, or pass it to list_contacts", fact="it is not from search_contacts"
        )
    if len(page_state) > _MAX_PAGE_STATE:
        raise _changed()
    digest, created_at, position = _decoded(page_state.removeprefix(SEARCH_PREFIX))
    if digest != _digest(request, account):
        raise InvalidArguments(
            hint="Pass the same query, company, job_title and missing as for the first page, or omit page_state",
            fact="page_state is from another search",
        )
    if len(position) != request.position_length:
        raise _changed()
    return replace(request, after=position, created_at=created_at)


def _decoded(text: str) -> tuple[str, float, tuple[float, ...]]:
    try:
        digest, created_at, *position = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return str(digest), float(created_at), tuple(map(_number, position))
    except (ValueError, TypeError, OverflowError):
        raise _changed() from None


def _changed() -> InvalidArguments:
    return InvalidArguments(
        hint="Pass page_state exactly as the previous page returned it, or omit it to start again",
        fact="it was changed",
    )


def _number(part: float | str) -> float:
    number = float(part)
    if not abs(number) < _TOO_LARGE:  # which NaN is not either
        raise ValueError
    return number


def _digest(request: SearchRequest, account: str) -> str:
    filters = request.filters
    bound = json.dumps([account, request.query, filters.company, filters.job_title, sorted(filters.missing)])
    return urlsafe_b64encode(blake2b(bound.encode(), digest_size=_DIGEST_BYTES).digest()).decode()
