"""The plays that faults are made of: good answers, bad answers, and bytes that are no answer."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

from .server import Play, Visit, rest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

TOKEN = "tok-7f3a91c2-canary-5d8e"
MARK = "QUAGGA-SAYS-HELLO"
CURSOR = "CuRsOr0a1b2c3d4e5f"
CONTACT_ID = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
OTHER_ID = "6f9619ff-8b86-4011-b42d-00cf4fc964ff"
JOHN: dict[str, Any] = {
    "contact_id": CONTACT_ID,
    "phone_no": "919200000000",
    "first_name": "John",
    "last_name": "Doe",
    "email_id": "john.doe@example.com",
    "company": "Acme Corp",
    "job_title": "Software Engineer",
}
CAP = 8 * 1024 * 1024
_FLOOD = 32 * CAP

_REASONS = {200: "OK", 204: "No Content", 302: "Found", 404: "Not Found", 429: "Too Many Requests"}


def page(*contacts: object, **fields: object) -> bytes:
    """A page in TeleCMI's form; without contacts it has John on it."""
    return json.dumps({"code": 200, "contacts": contacts or [JOHN], "count": 150, **fields}).encode()


def head(status: int, *headers: str) -> bytes:
    """A status line and headers, up to the blank line."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, MARK)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer(body: bytes = b"", *headers: str, status: int = 200) -> bytes:
    """A whole answer with its Content-Length."""
    return head(status, "Content-Type: application/json", f"Content-Length: {len(body)}", *headers) + body


def answers(body: bytes, *headers: str, status: int = 200) -> Play:
    """Answer with these bytes as HTTP wants it, and keep the connection."""
    return says(answer(body, *headers, status=status), stays=True)


def verdict(code: object, *headers: str, status: int = 200, words: object = MARK) -> Play:
    """Answer as TeleCMI reports errors: the verdict in the body, by default of an HTTP 200."""
    body = json.dumps({"code": code, "error": True, "msg": words}).encode()
    return answers(body, *headers, status=status)


def says(data: bytes, *, stays: bool = False, at_once: bool = False) -> Play:
    """Send these bytes, whatever they are."""
    return Play(lambda visit: visit.send(data), stays=stays, at_once=at_once)


def says_again(first: bytes, later: bytes) -> Play:
    """Send the first bytes, and the later ones when the first have been read; keep the connection."""

    async def run(visit: Visit) -> None:
        await visit.send(first)
        await rest()
        await visit.send(later)

    return Play(run, stays=True)


def says_and_waits(data: bytes, *, at_once: bool = False) -> Play:
    """Send these bytes, then nothing more."""

    async def run(visit: Visit) -> None:
        await visit.send(data)
        await visit.until_gone()

    return Play(run, at_once=at_once)


def says_and_resets(data: bytes) -> Play:
    """Send these bytes, then reset the connection."""

    async def run(visit: Visit) -> None:
        await visit.send(data)
        visit.reset()

    return Play(run)


def floods(first: bytes, again: bytes) -> Play:
    """Send the first bytes, then the others as fast as they are taken, far more than a client may take."""

    async def run(visit: Visit) -> None:
        await visit.send(first)
        for _ in range(_FLOOD // len(again)):
            await visit.send(again)
        await visit.until_gone()  # a client that took it all finds its deadline here, not the end of the memory

    return Play(run)


def drips(first: bytes, drop: bytes) -> Play:
    """Send the first bytes, then fifty drops a second, for ever."""

    async def run(visit: Visit) -> None:
        await visit.send(first)
        while not await visit.gone_in_a_moment():
            await visit.send(drop)

    return Play(run)


def dawdles(body: bytes, drops: int) -> Play:
    """Answer with that many drops, a fiftieth of a second each, and the body at last."""

    async def run(visit: Visit) -> None:
        await visit.send(head(200, f"Content-Length: {len(body) + drops}"))
        for _ in range(drops):
            await visit.gone_in_a_moment()
            await visit.send(b" ")
        await visit.send(body)

    return Play(run)


def redirects(status: int, *headers: str, body: bytes = b"") -> Play:
    """Send the client to another server."""

    async def run(visit: Visit) -> None:
        await visit.send(answer(body, f"Location: {visit.elsewhere}/v3/contact/get", *headers, status=status))

    return Play(run)


def hangs_up(*, at_once: bool = False) -> Play:
    """Close the connection with the usual handshake of TCP."""
    return says(b"", at_once=at_once)


def chunked(pieces: Iterable[bytes], *headers: str, end: bytes = b"0\r\n\r\n") -> bytes:
    """A chunked answer."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head(200, "Transfer-Encoding: chunked", *headers) + chunks + end


def zipped(body: bytes, *headers: str, status: int = 200) -> bytes:
    """A whole answer in gzip."""
    return answer(gzip.compress(body), "Content-Encoding: gzip", *headers, status=status)


def bomb(mebibytes: int) -> bytes:
    """Gzip of that many MiB of spaces, a thousandth of their size and quickly made.

    A full flush makes a compressed block independent of what stood before it, so it can be repeated.
    """
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    start = packer.compress(b" ") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * 1024 * 1024) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * mebibytes + packer.flush()


def starts(run: Callable[[Visit], Awaitable[None]]) -> Play:
    """Play this as soon as the connection opens."""
    return Play(run, at_once=True)


GOOD = answers(page())
