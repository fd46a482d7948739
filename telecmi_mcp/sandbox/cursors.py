"""Cursors that look like Cassandra's page state and cannot be read, changed or used with another limit."""

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
    """A cursor that this mint never made, or made for another limit."""


@dataclass(frozen=True, slots=True)
class CursorMint:
    """Cursors of one organisation; the same seed and epoch make and accept the same ones."""

    seed: int
    epoch: int = 0

    def mint(self, step: int, *, limit: int, form: CursorForm) -> str:
        """The cursor of the page number `step` (0 is the first page) in a list read by `limit`."""
        place = step.to_bytes(_STEP_BYTES) + limit.to_bytes(_LIMIT_BYTES)
        tag = self._digest(place, use=b"tag", size=_TAG_BYTES)
        raw = _HEAD + tag + self._veil(place, tag) + _TAIL
        if form == "long":
            raw += self._filling(tag, size=_LONG_BYTES - len(raw))
        return base64.b64encode(raw).decode() if form == "base64" else raw.hex()

    def read(self, text: str, *, limit: int, form: CursorForm) -> int:
        """The page number behind a cursor, provided that it is ours byte for byte and made for `limit`.

        Raises:
            StaleCursorError: anything else.
        """
        body = _decode(text, form)[len(_HEAD) :]
        tag, hidden = body[:_TAG_BYTES], body[_TAG_BYTES : _TAG_BYTES + _PLACE_BYTES]
        step = int.from_bytes(self._veil(hidden, tag)[:_STEP_BYTES])
        # Minting again and comparing whole texts also refuses what decodes alike, such as another case.
        if not hmac.compare_digest(self.mint(step, limit=limit, form=form).encode(), text.encode()):
            raise StaleCursorError
        return step

    def _veil(self, place: bytes, tag: bytes) -> bytes:
        stream = self._digest(tag, use=b"veil", size=_PLACE_BYTES)
        return bytes(left ^ right for left, right in zip(place, stream, strict=False))

    def _filling(self, tag: bytes, *, size: int) -> bytes:
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
