"""Set of the contact ids that were read, in a few bytes each."""

from __future__ import annotations

from array import array
from hashlib import blake2b

BYTES = 8
"""Bytes kept of each id, in memory and beside the file."""

_INITIAL_SLOTS = 4096  # a power of two


class SeenIds:
    """A set of ids that only grows: a table of keyed 64-bit hashes, at most half full.

    It takes 16 to 32 bytes for an id; a Python set takes about 127. Two of a million ids have the same hash with a
    chance of one to thirty-six million. Each file has a random key, so that such a pair cannot be constructed.
    """

    def __init__(self, key: bytes, known: bytes = b"") -> None:
        self._key = key
        self._slots = array("Q", [0]) * _INITIAL_SLOTS
        self._taken = 0
        for number in array("Q", known):
            self._insert(number)

    def add(self, contact_id: str) -> bytes:
        """Add an id; return the bytes to keep for the next process, or nothing if the id was added before."""
        digest = blake2b(contact_id.encode(), key=self._key, digest_size=BYTES).digest()
        (number,) = array("Q", digest)
        return digest if self._insert(number) else b""

    def _insert(self, number: int) -> bool:
        place = self._place_of(number or 1)  # 0 is a free slot
        if self._slots[place]:
            return False
        self._slots[place] = number or 1
        self._taken += 1
        if 2 * self._taken > len(self._slots):
            self._grow()
        return True

    def _place_of(self, number: int) -> int:
        """Return the slot of the number, or the free slot for it."""
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
