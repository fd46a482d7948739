"""Makes calls with the real client in a process of its own, and prints the last result as one JSON line.

The environment gives everything, as it does for the server: the settings, proxies and certificates.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import anyio

from telecmi_mcp._api.client import TelecmiClient
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp._config.settings import Settings
from telecmi_mcp.errors import TelecmiError


async def _main() -> None:
    settings = Settings.from_env(os.environ)
    calls = int(sys.argv[1])
    tries = calls

    async def pause(_: float) -> None:
        nonlocal tries
        tries += 1
        await anyio.lowlevel.checkpoint()

    client = TelecmiClient(
        Channel(settings.base_url), FixedToken(settings.token), timeout=settings.timeout, sleep=pause
    )
    try:
        for _ in range(calls):
            page = await client.list_contacts()
    except TelecmiError as error:
        met: dict[str, object] = {"error": type(error).__name__, "sentence": str(error)}
    else:
        met = {"contacts": [contact._asdict() for contact in page.contacts], "count": page.count}
    finally:
        await client.aclose()
    print(json.dumps({**met, "tries": tries}))  # noqa: T201 - this is how the process answers


asyncio.run(_main())
