"""Simulates TeleCMI for development, tests and demonstrations: no account, no network, invented people only.

It implements TeleCMI's documented login and `contact/get`. Its `Quirks` select among the behaviours that the documents
leave open. It shares no code with the client, so that it cannot share the client's mistakes.
"""

import time
from collections.abc import Awaitable, Callable, Sequence

import anyio

from telecmi_mcp.sandbox.accounts import SANDBOX_PASSWORD, SANDBOX_TOKEN, SANDBOX_USER_ID
from telecmi_mcp.sandbox.app import Sandbox
from telecmi_mcp.sandbox.contact_list import AnyContact
from telecmi_mcp.sandbox.people import DEFAULT_COUNT, DEFAULT_SEED, Contact, make_contacts
from telecmi_mcp.sandbox.quirks import DOCUMENTED, Quirks
from telecmi_mcp.sandbox.recorder import SandboxState, SeenRequest

__all__ = [
    "DEFAULT_COUNT",
    "DEFAULT_SEED",
    "DOCUMENTED",
    "SANDBOX_PASSWORD",
    "SANDBOX_TOKEN",
    "SANDBOX_USER_ID",
    "AnyContact",
    "Contact",
    "Quirks",
    "Sandbox",
    "SandboxState",
    "SeenRequest",
    "create_sandbox",
    "make_contacts",
]


def create_sandbox(
    quirks: Quirks = DOCUMENTED,
    *,
    contacts: Sequence[AnyContact] | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    seed: int = DEFAULT_SEED,
) -> Sandbox:
    """Return a simulated TeleCMI as an ASGI app; `SANDBOX_TOKEN` is valid for 30 days from now.

    `contacts` are mappings with a `contact_id`; by default the sandbox invents 150 people on the first request that
    needs them. `clock` returns seconds and decides the age of tokens only. A slow answer waits by `sleep`. The same
    `seed` gives the same contacts, cursors and tokens in the same order.
    """
    return Sandbox(quirks, contacts=contacts, clock=clock, sleep=sleep, seed=seed)
