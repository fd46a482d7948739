"""Runs a real client against a fault."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
from pydantic import SecretStr

from telecmi_mcp._api.client import TelecmiClient
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.token_sources import FixedToken

from .plays import GOOD, TOKEN
from .server import FaultServer, rest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telecmi_mcp._models import Contact, ContactPage

    from .fault import Fault

_MOST_PAGES = 20
_ENDLESS = 60.0
_SHORTEST_QUOTE = 12


@dataclass(slots=True)
class Stage:
    """A client whose pauses take no time, in front of a server that plays faults.

    Attributes:
        server: Plays.
        trap: The target of redirects, which no client may contact.
        pauses: How long the client meant to wait between its tries.
    """

    server: FaultServer
    trap: FaultServer
    client: TelecmiClient
    pauses: list[float] = field(default_factory=list)

    @classmethod
    async def open(cls, fault: Fault) -> Stage:
        """Set everything up for one fault."""
        server = FaultServer.deaf(*fault.script) if fault.deaf else FaultServer(fault.script)
        trap = FaultServer((GOOD,))
        server.elsewhere = trap.url
        await trap.listen()
        if not fault.deaf:
            await server.listen()
        url = server.url.replace("http:", "https:") if fault.tls else server.url
        pauses: list[float] = []
        return cls(server, trap, client_of(url, pauses, timeout=fault.timeout), pauses)

    async def close(self) -> None:
        """Take everything down."""
        await self.client.aclose()
        await self.server.close()
        await self.trap.close()

    async def run(self, fault: Fault) -> Contact | ContactPage | None:
        """Make the fault's calls.

        Raises:
            TelecmiError: What the last call met.
        """
        with anyio.fail_after(_ENDLESS):
            if fault.cancelled:
                await self._give_up(fault)
                return None
            for _ in range(fault.calls - 1):
                await self._call(fault)
                await self.settle()
            return await self._call(fault)

    async def heal(self) -> ContactPage:
        """Let TeleCMI answer well again, and make one more call."""
        self.server.play(GOOD)
        if self.server.connections == 0:
            await self.server.listen()
        with anyio.fail_after(_ENDLESS):
            return await self.client.list_contacts()

    async def _call(self, fault: Fault) -> Contact | ContactPage:
        if fault.contact_id:
            return await self.client.get_contact(fault.contact_id)
        page = await self.client.list_contacts(page_state=fault.page_state)
        for _ in range(_MOST_PAGES):
            if not (fault.walk and page.page_state):
                break
            page = await self.client.list_contacts(page_state=page.page_state)
        return page

    async def settle(self) -> None:
        """Wait until the server has sent everything, and closed a connection that it does not keep."""
        if not self.server.script[0].stays:
            await self.server.left.wait()
        await self.server.played.wait()
        await rest()

    async def _give_up(self, fault: Fault) -> None:
        call = asyncio.create_task(self._call(fault))
        await self.server.read.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await self.server.left.wait()


def client_of(url: str, pauses: list[float], *, timeout: float) -> TelecmiClient:
    """A real client that notes its pauses instead of taking them."""

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await anyio.lowlevel.checkpoint()

    source = FixedToken(SecretStr(TOKEN))
    return TelecmiClient(Channel(url), source, timeout=timeout, sleep=pause, rng=lambda: 0.5)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and whatever hangs on it as a cause or as a context."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def words_of(error: BaseException) -> str:
    """Everything that the error and its attributes say of themselves, with the bytes of a request."""
    held: dict[str, Any] = dict(getattr(error, "__dict__", {}))
    request = held.get("_request")
    body = getattr(request, "content", b"")
    return " ".join([repr(error), str(error), repr(error.args), repr(held), repr(body)])


def quotes(sentence: str, sent: bytes) -> set[str]:
    """The pieces of the sentence, twelve characters long, that the server sent."""
    pieces = {sentence[at : at + _SHORTEST_QUOTE] for at in range(len(sentence) - _SHORTEST_QUOTE + 1)}
    return {piece for piece in pieces if piece.encode() in sent}
