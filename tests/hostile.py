"""A TeleCMI of several accounts that sends more than the answers. The company of each contact names its account."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from faults.plays import answer, chunked
from faults.server import rest

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

_CONTACTS = 3


def owner_of(token: str) -> str:
    """Return the account of a token; the token itself would be removed from every answer."""
    return token.rpartition("-")[2]


def contacts_of(token: str) -> list[dict[str, str]]:
    """Return the contacts of an account, each with the account as its company."""
    seed = sum(token.encode()) << 64
    return [
        {"contact_id": str(UUID(int=seed + number)), "first_name": f"Ann{number}", "company": owner_of(token)}
        for number in range(_CONTACTS)
    ]


@dataclass(slots=True)
class Visit:
    """One connection, for a trick.

    Attributes:
        reply: The right answer to the request that was just read, without a head.
        others: An answer to a request of another account, with its head.
    """

    writer: asyncio.StreamWriter
    reply: bytes = b""
    others: bytes = b""

    async def send(self, *pieces: bytes) -> None:
        """Send each of the pieces in a segment of its own, the later ones when the first was read."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await rest()


def follows(surplus: Callable[[Visit], bytes], *, form: Callable[[bytes], bytes] = answer) -> Any:
    """Let bytes follow the answer in the same segment."""

    async def run(visit: Visit) -> None:
        await visit.send(form(visit.reply) + surplus(visit))

    return run


def comes_later(surplus: Callable[[Visit], bytes]) -> Any:
    """Send more once the answer has been read and the connection is idle."""

    async def run(visit: Visit) -> None:
        await visit.send(answer(visit.reply), surplus(visit))

    return run


def _zipped(body: bytes) -> bytes:
    return answer(gzip.compress(body), "Content-Encoding: gzip")


def _in_chunks(body: bytes) -> bytes:
    return chunked([body[:7], body[7:]])


def _with_the_next() -> Any:
    """Send each answer once more when the next request has come: it looks like the answer to it."""
    before: dict[asyncio.StreamWriter, bytes] = {}

    async def run(visit: Visit) -> None:
        await visit.send(before.get(visit.writer, b"") + answer(visit.reply))
        before[visit.writer] = answer(visit.reply)

    return run


AFTER_THE_NEXT_REQUEST = _with_the_next()
TRICKS: dict[str, Any] = {
    "nothing": follows(lambda _: b""),
    "the answer twice": follows(lambda visit: answer(visit.reply)),
    "the answer and another's": follows(lambda visit: visit.others),
    "the answer and ten of another's": follows(lambda visit: visit.others * 10),
    "the answer and half of another's": follows(lambda visit: visit.others[:-20]),
    "the answer and the first half of a head": follows(lambda visit: visit.others[:20]),
    "the answer and an empty line": follows(lambda _: b"\r\n"),
    "the answer and a late 103": follows(lambda _: b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "the answer, a late 103 and another's": follows(lambda visit: b"HTTP/1.1 103 Hints\r\n\r\n" + visit.others),
    "in chunks, and another's": follows(lambda visit: visit.others, form=_in_chunks),
    "in gzip, and another's": follows(lambda visit: visit.others, form=_zipped),
    "another's before the next request": comes_later(lambda visit: visit.others),
    "half of another's before the next request": comes_later(lambda visit: visit.others[:-20]),
    "an empty line before the next request": comes_later(lambda _: b"\r\n"),
    "a late 103 before the next request": comes_later(lambda _: b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


LATE = [AFTER_THE_NEXT_REQUEST, *(trick for name, trick in TRICKS.items() if "before the next request" in name)]
"""Tricks that send bytes after the answer has been read."""


@dataclass(slots=True)
class HostileTelecmi:
    """Listens on loopback and plays its trick with every answer.

    Attributes:
        trick: Sends the answer, and more.
        socks: Answers of a SOCKS proxy to the messages of a handshake, where this is one.
        after_tunnel: What follows the answer to CONNECT in the same segment, where this is a proxy.
        tokens_of: The tokens that came over each connection, by its number.
        logins: Number of passwords that came.
        requests: Number of requests that came.
        handshake: The messages of clients to the SOCKS proxy.
        open: The connections that are open.
        left: Set when one is closed.
        quiet: Set while nothing is being sent.
    """

    trick: Any
    tls: ssl.SSLContext | None = None
    is_proxy: bool = False
    socks: tuple[bytes, ...] | None = None
    after_tunnel: bytes = b""
    tokens_of: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    logins: int = 0
    requests: int = 0
    handshake: list[bytes] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _last: asyncio.StreamWriter | None = None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[HostileTelecmi]:
        """Listen for as long as the context lasts."""
        tls = None if self.is_proxy or self.socks else self.tls
        async with await asyncio.start_server(self._welcome, "127.0.0.1", 0, ssl=tls) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self

    @property
    def url(self) -> str:
        """Its address without TLS."""
        return f"http://127.0.0.1:{self.port}"

    async def settled(self) -> None:
        """Wait until everything has arrived that belongs to the last answer."""
        await self.quiet.wait()
        await rest()

    async def say(self, data: bytes) -> None:
        """Send something on the last connection without a request."""
        assert self._last is not None
        await Visit(self._last).send(data)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.tokens_of)
        self._last = writer
        self.open.add(number)
        self.left.clear()
        self.tokens_of[number] = set()
        with suppress(OSError, EOFError, asyncio.CancelledError):
            for reply in self.socks or ():
                self.handshake.append(await reader.read(300))
                writer.write(reply)
            if self.socks and self.tls:
                await writer.start_tls(self.tls)
            if self.is_proxy:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n" + self.after_tunnel)
                assert self.tls is not None
                await writer.start_tls(self.tls)
            while True:
                await self._answer(number, reader, Visit(writer))
        writer.transport.abort()
        self.open.discard(number)
        self.left.set()

    async def _answer(self, number: int, reader: asyncio.StreamReader, visit: Visit) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        asked = json.loads(await reader.readexactly(length))
        who = asked.get("token") or asked["id"]
        self.tokens_of[number].add(who)
        self.requests += 1
        self.logins += "password" in asked
        visit.reply = json.dumps(_reply(asked)).encode()
        visit.others = answer(json.dumps(_reply({**asked, "token": "somebody-else", "id": "somebody-else"})).encode())
        self.quiet.clear()
        await self.trick(visit)
        self.quiet.set()


def _reply(asked: dict[str, Any]) -> dict[str, Any]:
    if "password" in asked:
        return {"code": 200, "token": f"token-of-{asked['id']}", "agent": {"id": asked["id"], "name": "Ann"}}
    if asked["token"].startswith("refused"):
        return {"code": 404, "error": True, "msg": "no such token"}
    contacts = contacts_of(asked["token"])
    if "contact_id" in asked:
        # As a proxy with a cache may answer: the id alone would not show whose it is.
        contacts = [{**contacts[0], "contact_id": asked["contact_id"]}]
    return {"code": 200, "contacts": contacts, "count": len(contacts)}
