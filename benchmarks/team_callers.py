"""Callers of a team server, as light as they can be: HTTP/1.1 on asyncio's streams, so that the server is measured.

Each caller has an access key and a kept connection, and speaks one of the two protocol generations. A call is answered
when its result, or an error of the tool, was read whole.
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
_CALL_TIMEOUT_S = 60.0  # longer than any answer may take
_OK = 200
PAGE = 25
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
        outcome: ``answered``, the sentence of the tool's error, or how the call was lost.
        lost: Whether no answer came that the tools give.
        wrong: What is wrong with the answer; "" for nothing.
        contacts: How many contacts were in the answer.
    """

    tool: str
    ended_at: float
    seconds: float
    outcome: str
    lost: bool
    wrong: str = ""
    contacts: int = 0


def call_body(tool: str, arguments: dict[str, Any], version: str) -> bytes:
    """Return the message that calls a tool."""
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    if version == MODERN:
        params["_meta"] = _META
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


class Lost(Exception):
    """A call without an answer."""


class Wire:
    """One kept connection; it is opened again where the other side closed it between two calls."""

    def __init__(self, url: str, key: str, version: str, tls: ssl.SSLContext | None) -> None:
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
        body = call_body(tool, arguments, self._version)
        named = f"Mcp-Method: tools/call\r\nMcp-Name: {tool}\r\n" if self._version == MODERN else ""
        head = f"{self._head}{named}Content-Length: {len(body)}\r\n\r\n".encode()
        try:
            async with asyncio.timeout(_CALL_TIMEOUT_S):
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
    """A caller that searches, gets and lists, with pauses between."""

    def __init__(self, wire: Wire, *, seed: int, contacts: int, pause: float) -> None:
        self.wire = wire
        self.rng = random.Random(seed)  # noqa: S311 - a mix that is the same each time, nothing secret
        self.contacts = contacts
        self.page_state: str | None = None
        self._pause = pause

    async def work(self, until: float, calls: list[Call]) -> None:
        """Call until a time, and note each call."""
        await asyncio.sleep(self.rng.uniform(0, self._pause))
        while time.monotonic() < until:
            calls.append(await self.call_once())
            if self._pause:
                await asyncio.sleep(min(self.rng.expovariate(1 / self._pause), max(0.0, until - time.monotonic())))
        self.wire.close()

    async def call_once(self) -> Call:
        """Make one call of the mix."""
        tool, arguments = self.choose_call()
        start = time.monotonic()
        outcome, lost, wrong, contacts = ANSWERED, False, "", 0
        try:
            result = await self.wire.call(tool, arguments)
        except Lost as why:
            outcome, lost = str(why), True
        else:
            if result.get("isError"):
                outcome = result["content"][0]["text"]
            wrong, contacts = self.check(tool, arguments, result)
        end = time.monotonic()
        return Call(tool, end, end - start, outcome, lost, wrong, contacts)

    def choose_call(self) -> tuple[str, dict[str, Any]]:
        """Return the tool and the arguments of the next call."""
        (tool,) = self.rng.choices([name for name, _ in MIX], [share for _, share in MIX])
        place = self.rng.randrange(self.contacts)
        if tool == "get_contact":
            return tool, {"contact_id": contact_id(place)}
        if tool == "list_contacts":
            return tool, {"limit": PAGE} | ({"page_state": self.page_state} if self.page_state else {})
        who = contact(place)
        words = (f"{who['first_name']} {who['last_name']}", f"{who['last_name']} {who['company']}", who["phone_no"])
        return tool, {"query": self.rng.choice(words)}

    def check(self, tool: str, arguments: dict[str, Any], result: dict[str, Any]) -> tuple[str, int]:  # noqa: ARG002 - for other kinds of callers
        """Look at a result, and return what is wrong with it and how many contacts it holds."""
        if tool == "list_contacts":
            self.page_state = (result.get("structuredContent") or {}).get("page_state")
        return "", 0
