"""A clock, a sandbox and a state folder, for the tests of signing in."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
from httpx2 import ASGITransport
from pydantic import SecretStr

from telecmi_mcp import App, Settings, open_app
from telecmi_mcp._auth.credentials import Account, Credentials
from telecmi_mcp._auth.resolve import open_saved_sign_ins
from telecmi_mcp.sandbox import SANDBOX_PASSWORD, SANDBOX_USER_ID, Quirks, Sandbox, create_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

DAY = 86_400.0
HERE = "http://localhost"
ACCOUNT = Account(HERE, SANDBOX_USER_ID)
WITH_PASSWORD = Settings(base_url=HERE, user_id=SANDBOX_USER_ID, password=SecretStr(SANDBOX_PASSWORD))
WITH_WRONG_PASSWORD = Settings(base_url=HERE, user_id=SANDBOX_USER_ID, password=SecretStr("wrong"))
KEPT = Settings(base_url=HERE)
NEVER = SecretStr("never-valid-at-all")


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class SignInSetup:
    """A sandbox, a clock, and a folder of stored sign-ins."""

    def __init__(
        self,
        state: Path | None,
        quirks: Quirks | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self.clock = Clock()
        self.state = state
        options: dict[str, Any] = {} if sleep is None else {"sleep": sleep}
        self.sandbox: Sandbox = create_sandbox(quirks or Quirks(), clock=self.clock, **options)

    @property
    def logins(self) -> int:
        """Number of logins that the sandbox received."""
        return self.sandbox.state.login_count

    @asynccontextmanager
    async def app(
        self, settings: Settings, *, transport: httpx2.AsyncBaseTransport | None = None
    ) -> AsyncIterator[App]:
        """Open the app of one server process."""
        network = transport or ASGITransport(app=self.sandbox)
        async with open_app(settings, transport=network, state=self.state, clock=self.clock) as app:
            yield app

    async def keep(
        self, token: SecretStr = NEVER, *, password: str | None = SANDBOX_PASSWORD, age_days: float = 1, **account: str
    ) -> Credentials:
        """Save a sign-in as ``telecmi-mcp login --store file`` does."""
        assert self.state is not None
        credentials = Credentials(
            Account(**{"base_url": HERE, "user_id": SANDBOX_USER_ID, **account}),
            token,
            self.clock() - age_days * DAY,
            None if password is None else SecretStr(password),
            "file",
        )
        await open_saved_sign_ins(self.state, time_limit=5).keep(credentials)
        return credentials

    async def kept(self) -> Credentials | None:
        """Return the stored sign-in."""
        assert self.state is not None
        return await open_saved_sign_ins(self.state, time_limit=5).find(HERE)
