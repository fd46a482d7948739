"""Draw the icon: a telephone's keypad of contacts, one of them found. Run it to write ``icon.png`` anew."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

SIZE = 512  # what Claude Desktop recommends
ICON = Path(__file__).parent / "icon.png"

_GROUND, _CONTACT, _FOUND = (16, 62, 78), (150, 190, 198), (255, 184, 76)
_CORNER = 96
_RADIUS, _CENTRES, _FOUND_AT = 46, (136, 256, 376), (256, 256)
_SMOOTH = 4  # samples a pixel and direction


def pixels() -> bytes:
    """Return the rows of the picture as a PNG holds them: a filter byte, then RGBA."""
    quarter = [[_colour(x, y) for x in range(SIZE // 2)] for y in range(SIZE // 2)]
    rows = [b"\0" + b"".join(row) + b"".join(reversed(row)) for row in quarter]
    return b"".join(rows + rows[::-1])  # what is drawn is symmetric


def png() -> bytes:
    """Return the icon as a file."""
    head = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(pixels(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _colour(x: int, y: int) -> bytes:
    """Mix the samples of one pixel, so that curves have no steps."""
    steps = [(step + 0.5) / _SMOOTH for step in range(_SMOOTH)]
    ends = [_sample(x + right, y + down) for right in (steps[0], steps[-1]) for down in (steps[0], steps[-1])]
    inside = len(set(ends)) == 1
    samples = ends if inside else [_sample(x + right, y + down) for right in steps for down in steps]
    seen = [sample for sample in samples if sample]
    if not seen:
        return bytes(4)
    mixed = (round(sum(part) / len(seen)) for part in zip(*seen, strict=True))
    return bytes((*mixed, round(255 * len(seen) / len(samples))))


def _sample(x: float, y: float) -> tuple[int, int, int] | None:
    for centre in ((right, down) for right in _CENTRES for down in _CENTRES):
        if _within(x, y, centre, _RADIUS):
            return _FOUND if centre == _FOUND_AT else _CONTACT
    nearest = (min(max(x, _CORNER), SIZE - _CORNER), min(max(y, _CORNER), SIZE - _CORNER))
    return _GROUND if _within(x, y, nearest, _CORNER) else None


def _within(x: float, y: float, centre: tuple[float, float], radius: float) -> bool:
    return (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2


if __name__ == "__main__":
    ICON.write_bytes(png())
