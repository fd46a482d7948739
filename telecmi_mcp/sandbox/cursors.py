"""Makes cursors that look like Cassandra's page state and cannot be read, changed or used with another limit."""

import base64
import hmac
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, TypeAlias

CursorForm: TypeAlias = Literal["hex", "base64", "long"]

_HEAD = bytes.fromhex("001b0010")
_TAIL = bytes.fromhex("f07ffffffff07ffffffe")
_LONG_BYTES = 1500
_TAG_BYTES = 16
_STEP_BYTES = 4
_LIMIT_BYTES = 2
_PLACE_BYTES = _STEP_BYTES + _LIMIT_BYTES


class StaleCursorError(Exception):
    """This mint did not make the cursor, or made it for another limit."""


@dataclass(frozen=True, slots=True)
class CursorMint:
    """Makes and reads the cursors of one organisation; the same seed and epoch give the same cursors."""

    seed: int
    epoch: int = 0

    def mint(self, step: int, *, limit: int, form: CursorForm) -> str:
        """Return the cursor of page `step` (0 is the first page) of the list for a `limit`."""
        place = step.to_bytes(_STEP_BYTES) + limit.to_bytes(_LIMIT_BYTES)
        tag = self._digest(place, use=b"tag", size=_TAG_BYTES)
        raw = _HEAD + tag + self._mask(place, tag) + _TAIL
        if form == "long":
            raw += self._padding(tag, size=_LONG_BYTES - len(raw))
        return base64.b64encode(raw).decode() if form == "base64" else raw.hex()

    def read(self, text: str, *, limit: int, form: CursorForm) -> int:
        """Return the page number of a cursor of this mint for `limit`.

        Raises:
            StaleCursorError: The cursor is not exactly one of this mint for `limit`.
        """
        body = _decode(text, form)[len(_HEAD) :]
        tag, hidden = body[:_TAG_BYTES], body[_TAG_BYTES : _TAG_BYTES + _PLACE_BYTES]
        step = int.from_bytes(self._mask(hidden, tag)[:_STEP_BYTES])
        # Comparing whole texts also rejects a text that decodes to the same bytes, such as one in another case.
        if not hmac.compare_digest(self.mint(step, limit=limit, form=form).encode(), text.encode()):
            raise StaleCursorError
        return step

    def _mask(self, place: bytes, tag: bytes) -> bytes:
        stream = self._digest(tag, use=b"veil", size=_PLACE_BYTES)
        return bytes(left ^ right for left, right in zip(place, stream, strict=False))

    def _padding(self, tag: bytes, *, size: int) -> bytes:
        block = self._digest(tag, use=b"fill", size=64)
        return (block * (size // len(block) + 1))[:size]

    def _digest(self, data: bytes, *, use: bytes, size: int) -> bytes:
        key = f"{self.seed}:{self.epoch}".encode()
        return blake2b(data, digest_size=size, key=blake2b(key).digest(), person=use).digest()


def _decode(text: str, form: CursorForm) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if form == "base64" else bytes.fromhex(text)
    except ValueError:
        raise StaleCursorError from None
