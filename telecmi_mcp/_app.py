"""The composition root: builds the real objects; everyone else receives them."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from telecmi_mcp._client import TelecmiClient
from telecmi_mcp._http import Channel
from telecmi_mcp._limits import RateLimit
from telecmi_mcp._tokens import FixedToken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from telecmi_mcp._settings import Settings


@dataclass(frozen=True, slots=True)
class App:
    """What the tools work with.

    Attributes:
        client: Reads contacts from TeleCMI.
        rate_limit: How many tool calls are let through.
    """

    client: TelecmiClient
    rate_limit: RateLimit = field(default_factory=lambda: RateLimit(0, clock=time.monotonic))


@asynccontextmanager
async def open_app(settings: Settings, *, transport: httpx2.AsyncBaseTransport | None = None) -> AsyncIterator[App]:
    """Build the objects that the settings ask for, and close their connections at the end.

    Args:
        settings: The configuration.
        transport: Stands in for the network: a pretend TeleCMI in this process.
    """
    channel = Channel(settings.base_url, transport=transport)
    client = TelecmiClient(channel, FixedToken(settings.token), timeout=settings.timeout)
    try:
        yield App(client, RateLimit(settings.rate_limit, clock=time.monotonic))
    finally:
        await client.aclose()
