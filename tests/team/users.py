"""A pretend TeleCMI with several users, each with contacts, tokens and cursors of their own; and replicas in front."""

from __future__ import annotations

import json
import time
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio
import httpx2
from httpx2 import ASGITransport
from pydantic import SecretStr

from telecmi_mcp import Settings
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.credentials import Account, Credentials
from telecmi_mcp._auth.login import Login
from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
from telecmi_mcp._config.keys import new_key
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._team.accounts.app_pool import open_apps
from telecmi_mcp._team.accounts.credential_store import TeamSignIns
from telecmi_mcp._team.accounts.encryption import open_vault
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.index.location import PostgresLocation
from telecmi_mcp._team.index.writer_locks import WriterLocks
from telecmi_mcp.sandbox import SANDBOX_PASSWORD, SANDBOX_USER_ID, Quirks, Sandbox, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from telecmi_mcp import App
    from telecmi_mcp._team.accounts.app_pool import Apps
    from telecmi_mcp._team.db.database import Database

HERE = "http://localhost"
HER, HIM = "103_2222", "103_3333"
NEVER = "never-valid-at-all"
PEOPLE = make_contacts(120)
HERS, HIS = PEOPLE[:60], PEOPLE[60:]


class Clocks:
    """The Unix time, and seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = time.time()
        self.seconds = 0.0

    def unix(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.seconds


class Exchange(httpx2.AsyncBaseTransport):
    """Leads each request to the sandbox of the user whom its user id or its token means."""

    def __init__(self, clocks: Clocks, quirks: Quirks | None = None) -> None:
        self.logins: list[str] = []
        self.held_back = anyio.Event()  # set once a read waits for ``door``
        self.door: anyio.Event | None = None
        self.sandboxes: dict[str, Sandbox] = {
            user: create_sandbox(quirks or Quirks(), contacts=contacts, clock=clocks.unix, seed=seed)
            for seed, (user, contacts) in enumerate({HER: HERS, HIM: HIS}.items(), 1)
        }

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(await request.aread())
        if "password" in body:
            self.logins.append(body["password"])
            sandbox = self.sandboxes[body["id"]]
            content = json.dumps({**body, "id": SANDBOX_USER_ID}).encode()
            headers = {**request.headers, "content-length": str(len(content))}
            request = httpx2.Request(request.method, request.url, headers=headers, content=content)
        else:
            sandbox = self._sandbox_of(body["token"])
            if self.door is not None:
                self.held_back.set()
                await self.door.wait()
        return await ASGITransport(app=sandbox).handle_async_request(request)

    def _sandbox_of(self, token: str) -> Sandbox:
        found = [each for each in self.sandboxes.values() if token in each.state.tokens]
        return (found or list(self.sandboxes.values()))[0]

    def revoke(self, user: str) -> None:
        """Kill all tokens of a user."""
        for token in self.sandboxes[user].state.tokens:
            self.sandboxes[user].revoke(token)


class House:
    """A team: a database, keys, a TeleCMI, and as many replicas as are opened."""

    def __init__(self, database: Database, quirks: Quirks | None = None, *, keys: str = "") -> None:
        self.database = database
        self.clocks = Clocks()
        self.telecmi = Exchange(self.clocks, quirks)
        self.secrets = KnownSecrets()
        self.settings = TeamSettings(
            common=Settings(base_url=HERE, index="memory"),
            sign_ins="callers",
            encryption_keys=SecretStr(keys or new_key()),
        )

    @property
    def sign_ins(self) -> TeamSignIns:
        return TeamSignIns(self.database, open_vault(self.settings))

    def with_keys(self, *keys: str) -> TeamSignIns:
        """The sign-ins, as a server with other keys finds them."""
        return TeamSignIns(self.database, open_vault(replace(self.settings, encryption_keys=SecretStr(",".join(keys)))))

    async def sign_in(self, caller: str, user: str, *, organisation: str = "", token: str = "") -> Credentials:
        """What ``telecmi-mcp team sign-in`` does; with a token without a login, and yet with a password."""
        credentials = Credentials(
            Account(HERE, user), SecretStr(token), self.clocks.now - 86_400, SecretStr(SANDBOX_PASSWORD)
        )
        if not token:
            login = Login(
                Channel(HERE, transport=self.telecmi), RejectedPasswords(None), self.secrets, clock=self.clocks.unix
            )
            credentials, _ = await login.interactive(Account(HERE, user), SecretStr(SANDBOX_PASSWORD))
        credentials = replace(credentials, organisation=organisation)
        await self.sign_ins.keep(caller, credentials)
        return credentials

    @asynccontextmanager
    async def replica(
        self, settings: TeamSettings | None = None, database: Database | None = None
    ) -> AsyncIterator[Apps]:
        """Open what one replica works with."""
        using = database or self.database
        locks = WriterLocks(using)
        with closing(locks):
            async with open_apps(
                settings or self.settings,
                using,
                open_location=partial(PostgresLocation, using, locks),
                transport=self.telecmi,
                secrets=self.secrets,
                clock=self.clocks.unix,
                monotonic=self.clocks.monotonic,
            ) as apps:
                yield apps

    def pass_seconds(self, seconds: float = 5.0) -> None:
        """Let time pass, by default as much as a change may take to be followed."""
        self.clocks.now += seconds
        self.clocks.seconds += seconds


async def app(apps: Apps, name: str) -> App:
    """The app of a caller by name."""
    return await apps.app_of(name)


async def ids(app: App) -> set[str]:
    """The first contacts that an app lists."""
    return {each.contact_id for each in (await app.directory.list_contacts(limit=100)).contacts}
