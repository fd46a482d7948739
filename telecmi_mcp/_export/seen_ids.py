"""Set of the contact ids that were read, in a few bytes each."""

from __future__ import annotations

from array import array
from hashlib import blake2b

BYTES = 8
"""What is kept of each id, in memory and beside the file."""

_FIRST_SLOTS = 4096  # a power of two


class SeenIds:
    """A set of ids that only grows: a table of keyed 64-bit hashes, half of it free or more.

    It takes 16 to 32 bytes for an id, a set of Python's some 127. Two of a million ids have the same hash with a
    chance of one to thirty-six million; the key is drawn anew for each file, so that nobody can make up such a pair.
    """

    def __init__(self, key: bytes, known: bytes = b"") -> None:
        self._key = key
        self._slots = array("Q", [0]) * _FIRST_SLOTS
        self._taken = 0
        for number in array("Q", known):
            self._take_in(number)

    def add(self, contact_id: str) -> bytes:
        """Take in an id; return what is to be kept of it for the next process, nothing if it was met before."""
        digest = blake2b(contact_id.encode(), key=self._key, digest_size=BYTES).digest()
        (number,) = array("Q", digest)
        return digest if self._take_in(number) else b""

    def _take_in(self, number: int) -> bool:
        place = self._place_of(number or 1)  # 0 is a free slot
        if self._slots[place]:
            return False
        self._slots[place] = number or 1
        self._taken += 1
        if 2 * self._taken > len(self._slots):
            self._grow()
        return True

    def _place_of(self, number: int) -> int:
        """Where the number is, or the free slot where it would be."""
        slots, last = self._slots, len(self._slots) - 1
        place = number & last
        while slots[place] not in {0, number}:
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        old = self._slots
        self._slots = array("Q", [0]) * (2 * len(old))
        for number in old:
            if number:
                self._slots[self._place_of(number)] = number
