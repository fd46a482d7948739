"""Callers of a team's server, as light as they can be: HTTP/1.1 on asyncio's streams, so that the server is measured.

Each has an access key and a kept connection, and speaks one of the two protocol generations. A call is answered when
its result, or an error that the tool itself tells, was read whole.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from benchmarks.book import contact, contact_id

if TYPE_CHECKING:
    import ssl

LEGACY, MODERN = "2025-11-25", "2026-07-28"
ANSWERED = "answered"
MIX = (("search_contacts", 50), ("get_contact", 30), ("list_contacts", 20))
_PATIENCE = 60.0  # seconds: longer than any answer may take
_OK = 200
_PAGE = 25
_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
}


class Call(NamedTuple):
    """One call that ended.

    Attributes:
        tool: Which tool was called.
        ended_at: When, by ``time.monotonic``.
        seconds: How long it took.
        outcome: ``answered``, what the tool told as an error, or how the call was lost.
        lost: Whether no answer came that the tools give.
    """

    tool: str
    ended_at: float
    seconds: float
    outcome: str
    lost: bool


class Lost(Exception):
    """A call without an answer."""


class Wire:
    """One kept connection; it is opened again where the other side closed it between two calls."""

    def __init__(self, url: str, key: str, version: str, tls: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._tls = parts.hostname, parts.port, tls
        self._version = version
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
            f"Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
            f"MCP-Protocol-Version: {version}\r\n"
        )
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool and return its result.

        Raises:
            Lost: There is none.
        """
        params: dict[str, Any] = {"name": tool, "arguments": arguments}
        named = ""
        if self._version == MODERN:
            params["_meta"] = _META
            named = f"Mcp-Method: tools/call\r\nMcp-Name: {tool}\r\n"
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
        head = f"{self._head}{named}Content-Length: {len(body)}\r\n\r\n".encode()
        try:
            async with asyncio.timeout(_PATIENCE):
                return _result(await self._exchange(head + body))
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as why:
            self.close()
            raise Lost(type(why).__name__) from None

    def close(self) -> None:
        """Give the connection up."""
        if self._streams:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, request: bytes) -> bytes:
        reader, writer = await self._opened()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head.split(b" ", 2)[1])
        body = await _body(reader, head)
        if b"\r\nconnection: close\r\n" in head:
            self.close()
        if status != _OK:
            raise Lost(f"HTTP {status}")
        return body

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams and self._streams[0].at_eof():
            self.close()
        if not self._streams:
            self._streams = await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=2**22)
        return self._streams


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if b"\r\ntransfer-encoding: chunked\r\n" not in head:
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        return await reader.readexactly(int(length or b"0"))
    pieces: list[bytes] = []
    try:
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            pieces.append((await reader.readexactly(size + 2))[:-2])
        await reader.readuntil(b"\r\n")
    except asyncio.IncompleteReadError:
        if not b"".join(pieces).endswith(b"\r\n\r\n"):
            raise
        # An event that came whole is taken, as clients do, though its stream was cut off before it ended.
    return b"".join(pieces)


def _result(body: bytes) -> dict[str, Any]:
    lines = [line.removeprefix(b"data:") for line in body.splitlines() if line.startswith((b"data:", b"{"))]
    try:
        message = json.loads(lines[-1])
        result: dict[str, Any] = message["result"]
    except (IndexError, ValueError):
        raise Lost("no message") from None
    except KeyError:
        raise Lost(f"protocol error {message.get('error', {}).get('code')}") from None
    return result


class Caller:
    """Somebody who searches, gets and lists, with pauses between."""

    def __init__(self, wire: Wire, *, seed: int, contacts: int, pause: float) -> None:
        self._wire = wire
        self._dice = random.Random(seed)  # noqa: S311 - a mix that is the same each time, nothing secret
        self._contacts = contacts
        self._pause = pause
        self._page_state: str | None = None

    async def work(self, until: float, calls: list[Call]) -> None:
        """Call until a time, and note each call."""
        await asyncio.sleep(self._dice.uniform(0, self._pause))
        while time.monotonic() < until:
            calls.append(await self.call_once())
            if self._pause:
                await asyncio.sleep(min(self._dice.expovariate(1 / self._pause), max(0.0, until - time.monotonic())))
        self._wire.close()

    async def call_once(self) -> Call:
        """Make one call of the mix."""
        (tool,) = self._dice.choices([name for name, _ in MIX], [share for _, share in MIX])
        arguments = self._arguments(tool)
        start = time.monotonic()
        outcome, lost = ANSWERED, False
        try:
            result = await self._wire.call(tool, arguments)
        except Lost as why:
            outcome, lost = str(why), True
        else:
            self._look(tool, result)
            if result.get("isError"):
                outcome = result["content"][0]["text"]
        end = time.monotonic()
        return Call(tool, end, end - start, outcome, lost)

    def _look(self, tool: str, result: dict[str, Any]) -> None:
        if tool == "list_contacts":
            self._page_state = (result.get("structuredContent") or {}).get("page_state")

    def _arguments(self, tool: str) -> dict[str, Any]:
        place = self._dice.randrange(self._contacts)
        if tool == "get_contact":
            return {"contact_id": contact_id(place)}
        if tool == "list_contacts":
            return {"limit": _PAGE} | ({"page_state": self._page_state} if self._page_state else {})
        who = contact(place)
        words = (f"{who['first_name']} {who['last_name']}", f"{who['last_name']} {who['company']}", who["phone_no"])
        return {"query": self._dice.choice(words)}
