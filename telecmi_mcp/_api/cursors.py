"""Cursors of pages: packs them for a model, byte for byte, and detects cycles."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict

from telecmi_mcp.errors import InvalidArguments

MAX_CURSOR = 16_384

SEARCH_PREFIX = "s."
"""Start of every ``page_state`` of a search, and of no ``page_state`` of a list."""
_PACKED_PREFIX = "~"
_PLAIN = re.compile(r"(?!s\.)[!-}][!-~]*")  # printable ASCII that starts with neither prefix


def pack_cursor(page_state: str) -> str:
    """Make a cursor safe to show to a model; a plain cursor stays byte for byte as TeleCMI sent it."""
    if _PLAIN.fullmatch(page_state):
        return page_state
    return _PACKED_PREFIX + urlsafe_b64encode(page_state.encode("utf-8", "surrogatepass")).decode()


def unpack_cursor(text: str) -> str:
    """Return the cursor that ``pack_cursor`` packed.

    Raises:
        InvalidArguments: It came from a search, or it has the prefix of a packed cursor and is none.
    """
    if text.startswith(SEARCH_PREFIX):
        raise InvalidArguments(
            hint="Omit page_state, or pass it to search_contacts", fact="it is not from list_contacts"
        )
    if not text.startswith(_PACKED_PREFIX):
        return text
    try:
        return urlsafe_b64decode(text[1:].encode("ascii")).decode("utf-8", "surrogatepass")
    except ValueError:
        raise InvalidArguments(
            hint="Pass page_state exactly as the previous page returned it, or omit it to start again",
            fact="it was changed",
        ) from None


class CursorTrail:
    """Detects a list whose cursors form a cycle.

    Every cursor has a position in a chain of pages. A cursor that returns in its own chain, at or before the position
    of the request, closes a cycle. The trail keeps the last 4,096 cursors, as hashes.
    """

    def __init__(self, *, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._positions: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self._chains = 0

    def closes_cycle(self, requested: str | None, returned: str) -> bool:
        """Record that the page at ``requested`` (``None``: the first) returned the cursor ``returned``."""
        chain, position = self._position_of(requested)
        known_chain, known_position = self._positions.get(hash(returned), (0, 0))
        if returned == requested or (known_chain == chain and known_position <= position):
            return True
        self._remember(returned, (chain, position + 1))
        return False

    def _position_of(self, requested: str | None) -> tuple[int, int]:
        known = None if requested is None else self._positions.get(hash(requested))
        if known is not None:
            return known
        self._chains += 1
        if requested is not None:
            self._remember(requested, (self._chains, 0))
        return self._chains, 0

    def _remember(self, cursor: str, position: tuple[int, int]) -> None:
        self._positions[hash(cursor)] = position
        self._positions.move_to_end(hash(cursor))
        if len(self._positions) > self._capacity:
            self._positions.popitem(last=False)
