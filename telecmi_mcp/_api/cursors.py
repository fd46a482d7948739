"""Cursors of pages: opaque, sent back byte for byte, and never allowed to lead in a circle."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict

from telecmi_mcp.errors import InvalidArguments

MAX_CURSOR = 16_384

_PACKED = "~"
_PLAIN = re.compile(r"[!-}][!-~]*")  # printable ASCII that does not begin with the mark of a packed one


def pack_cursor(page_state: str) -> str:
    """Make a cursor safe to show to a model; a plain one stays byte for byte what TeleCMI gave."""
    if _PLAIN.fullmatch(page_state):
        return page_state
    return _PACKED + urlsafe_b64encode(page_state.encode("utf-8", "surrogatepass")).decode()


def unpack_cursor(text: str) -> str:
    """Give back exactly what ``pack_cursor`` was given.

    Raises:
        InvalidArguments: The text is marked as packed and is not.
    """
    if not text.startswith(_PACKED):
        return text
    try:
        return urlsafe_b64decode(text[1:].encode("ascii")).decode("utf-8", "surrogatepass")
    except ValueError:
        raise InvalidArguments(
            hint="Pass page_state exactly as the page before gave it, or leave it out to start again",
            fact="it was changed",
        ) from None


class CursorTrail:
    """Remembers which cursor led to which, to notice a list that runs in a circle.

    Every cursor has a place in a chain of pages. One that comes back in its own chain, at or before
    the place from which it was asked, closes a circle. The last 4,096 cursors are remembered, as hashes.
    """

    def __init__(self, *, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._places: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self._chains = 0

    def closes_circle(self, asked: str | None, given: str) -> bool:
        """Note that the page at ``asked`` (``None``: the first) gave the cursor ``given``."""
        chain, place = self._place_of(asked)
        known_chain, known_place = self._places.get(hash(given), (0, 0))
        if given == asked or (known_chain == chain and known_place <= place):
            return True
        self._remember(given, (chain, place + 1))
        return False

    def _place_of(self, asked: str | None) -> tuple[int, int]:
        known = None if asked is None else self._places.get(hash(asked))
        if known is not None:
            return known
        self._chains += 1
        if asked is not None:
            self._remember(asked, (self._chains, 0))
        return self._chains, 0

    def _remember(self, cursor: str, place: tuple[int, int]) -> None:
        self._places[hash(cursor)] = place
        self._places.move_to_end(hash(cursor))
        if len(self._places) > self._capacity:
            self._places.popitem(last=False)
