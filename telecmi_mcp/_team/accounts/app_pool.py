"""What each caller's tools work with: one app for an account, shared by all who read it, on connections of its own."""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._api.client import NO_HOOKS
from telecmi_mcp._api.http import Channel
from telecmi_mcp._app import assemble_app
from telecmi_mcp._auth.credentials import Account
from telecmi_mcp._auth.login import Login
from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
from telecmi_mcp._auth.renewing_token import RenewingToken
from telecmi_mcp._auth.resolve import ConfiguredPassword, choose_source
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._task_groups import open_tasks
from telecmi_mcp._team.accounts.credential_sources import (
    CallerCredentials,
    NoSignIn,
    ServiceCredentials,
    sign_in_unavailable,
)
from telecmi_mcp._team.accounts.credential_store import Fault, SharedAccount, TeamSignIns
from telecmi_mcp._team.accounts.encryption import open_vault
from telecmi_mcp._team.accounts.membership_cache import MembershipCache

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    import httpx2
    from anyio.abc import TaskGroup

    from telecmi_mcp._api.client import RequestHooks
    from telecmi_mcp._api.http import UpstreamHealth
    from telecmi_mcp._api.token_source import TokenSource
    from telecmi_mcp._app import App
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._index.location import IndexLocation
    from telecmi_mcp._team.accounts.encryption import Vault
    from telecmi_mcp._team.auth.callers import Caller
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.db.database import Database

_log = logging.getLogger(__name__)

CONNECTIONS = 64
"""To TeleCMI, of one replica for all accounts together, none of which shares one with another."""
MOST_APPS = 2000
IDLE_SECONDS = 900.0
_TIDY_SECONDS = 60.0
_FULL_SECONDS = 60.0
_SERVICE = "service"


class Apps(Protocol):
    """Gives a caller what the caller's tools work with."""

    async def app_of(self, caller: Caller) -> App:
        """Return the caller's app. Raises nothing: without a sign-in it is one whose calls say what is missing."""
        ...

    async def app_named(self, is_meant: Callable[[str], bool]) -> App | None:
        """Return the app of the account with such a name, for work that no caller asked for; ``None`` for none.

        Raises:
            TelecmiError: The service's own sign-in cannot be looked up.
        """
        ...

    @property
    def upstream_health(self) -> UpstreamHealth:
        """Whether TeleCMI answers, whoever asks."""
        ...


@dataclass(frozen=True, slots=True)
class AppDeps:
    """What all apps of a replica stand on."""

    settings: Settings
    channel: Channel
    secrets: KnownSecrets
    open_location: Callable[[str], IndexLocation] | None
    clock: Callable[[], float]
    hooks_for: Callable[[str], RequestHooks]

    @asynccontextmanager
    async def app(
        self, choose: Callable[..., TokenSource], state: Path | None = None, *, account: str = _SERVICE
    ) -> AsyncIterator[App]:
        """Open the app of one account, which shares no connection with any other account."""
        channel = self.channel.separate()
        try:
            async with assemble_app(
                self.settings,
                channel,
                choose,
                open_location=self.open_location,
                state=state,
                hooks=self.hooks_for(account),
                clock=self.clock,
            ) as app:
                yield app
        finally:
            with anyio.CancelScope(shield=True):
                await channel.aclose()

    def login(self, rejected_passwords: RejectedPasswords) -> Login:
        return Login(self.channel, rejected_passwords, self.secrets, timeout=self.settings.timeout, clock=self.clock)


@asynccontextmanager
async def open_apps(
    settings: TeamSettings,
    database: Database | None,
    *,
    open_location: Callable[[str], IndexLocation] | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    state: Path | None = None,
    secrets: KnownSecrets | None = None,
    hooks_for: Callable[[str], RequestHooks] = lambda _: NO_HOOKS,
    on_surplus: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Apps]:
    """Open the apps of one replica, and close what was opened of them in the end.

    Limits of calls are a team's own, for each caller: TELECMI_RATE_LIMIT, one desk's, does not count here.

    Args:
        settings: The configuration.
        database: An open database with its schema; ``None`` without one.
        open_location: Opens the mirror of an account, by the account's name; ``None`` for the desk's kinds.
        transport: Stands in for the network: a pretend TeleCMI in this process.
        state: The folder of what ``telecmi-mcp login`` kept for the service; ``None`` for none.
        secrets: Learns every secret that is met, for the log.
        hooks_for: Tells on what terms requests of an account are sent to TeleCMI, by the account's name.
        on_surplus: Is called when a connection is closed because TeleCMI sent bytes that belong to no answer.
        clock: Tells the Unix time, to which a token's age is measured.
        monotonic: Tells seconds, from any beginning.

    Raises:
        ConfigurationError: The encryption keys cannot be used.
    """
    known = secrets or KnownSecrets()
    vault = await run_sync(open_vault, settings, known)
    common = replace(settings.common, rate_limit=0)
    known.add(common.token, common.password)
    channel = Channel(common.base_url, transport=transport, connections=CONNECTIONS, on_surplus=on_surplus)
    ground = AppDeps(common, channel, known, open_location, clock, hooks_for)
    try:
        async with _open_kind(ground, settings, database, vault, state, monotonic) as apps:
            yield apps
    finally:
        with anyio.CancelScope(shield=True):
            await channel.aclose()


@asynccontextmanager
async def _open_kind(  # noqa: PLR0917 - what both kinds are made of
    ground: AppDeps,
    settings: TeamSettings,
    database: Database | None,
    vault: Vault | None,
    state: Path | None,
    monotonic: Callable[[], float],
) -> AsyncIterator[Apps]:
    """Open the kind that is set; where callers' own cannot be, never the service's in their place."""
    sign_ins = None if database is None else TeamSignIns(database, vault)
    if settings.sign_ins == "service":
        async with _open_service(ground, database, None if vault is None else sign_ins, state, monotonic) as app:
            yield AppOfService(app)
    elif database is None or sign_ins is None:
        raise errors.ConfigurationError(
            hint="Set TELECMI_DATABASE_URL", fact="callers' sign-ins are kept in a database"
        )
    else:
        async with _open_callers(ground, database, sign_ins, monotonic) as apps:
            yield apps


@asynccontextmanager
async def _open_callers(
    ground: AppDeps, database: Database, sign_ins: TeamSignIns, monotonic: Callable[[], float]
) -> AsyncIterator[AppsOfCallers]:
    async with open_tasks() as tasks:
        membership_cache = MembershipCache(sign_ins, ground.settings.base_url, tasks, clock=monotonic)
        missing = NoSignIn(
            lambda: errors.CallerNotSignedIn() if membership_cache.is_believed else sign_in_unavailable()
        )
        full = NoSignIn(lambda: errors.CallLimitReached(_FULL_SECONDS))
        tokens = _CallersTokens(ground, database, sign_ins, membership_cache)
        async with ground.app(lambda **_: missing) as nobody, ground.app(lambda **_: full) as overloaded_app:
            apps = AppsOfCallers(
                membership_cache,
                lambda account: ground.app(partial(tokens.of, account), account=account.name),
                tasks,
                nobody,
                overloaded_app,
                most=MOST_APPS,
                clock=monotonic,
            )
            tasks.start_soon(apps.keep_tidy)
            try:
                yield apps
            finally:
                tasks.cancel_scope.cancel()


@asynccontextmanager
async def _open_service(
    ground: AppDeps,
    database: Database | None,
    sign_ins: TeamSignIns | None,
    state: Path | None,
    monotonic: Callable[[], float],
) -> AsyncIterator[App]:
    settings = ground.settings
    async with open_tasks() as tasks:
        choose: Callable[..., TokenSource] = partial(
            choose_source, settings, ground.channel, state=state, secrets=ground.secrets, clock=ground.clock
        )
        if database is not None and sign_ins is not None and (settings.password or settings.password_file):
            membership_cache = MembershipCache(sign_ins, settings.base_url, tasks, clock=monotonic)
            choose = partial(_shared_token, ground, database, sign_ins, membership_cache)
        try:
            async with ground.app(choose, state) as app:
                yield app
        finally:
            tasks.cancel_scope.cancel()


def _shared_token(
    ground: AppDeps, database: Database, sign_ins: TeamSignIns, membership_cache: MembershipCache, *, tasks: TaskGroup
) -> RenewingToken:
    """The service's token, which one replica gets for all; without the database each for itself."""
    from telecmi_mcp._team.accounts.login_locks import LoginLocks, SharedPasswordHashes  # needs an extra

    settings = ground.settings
    user = Account(settings.base_url, settings.user_id)
    given = ConfiguredPassword(settings, ground.secrets)
    credentials_source = ServiceCredentials(
        given, sign_ins, membership_cache, SharedAccount(user.base_url, user.user_id), ground.secrets
    )
    login = ground.login(RejectedPasswords(SharedPasswordHashes(database, is_needed=False)))
    locks = LoginLocks(database, patience=settings.timeout, is_needed=False)
    return RenewingToken(credentials_source, login, tasks=tasks, lock=partial(locks.held, user), clock=ground.clock)


class _CallersTokens:
    """The tokens of callers' accounts."""

    def __init__(
        self, ground: AppDeps, database: Database, sign_ins: TeamSignIns, membership_cache: MembershipCache
    ) -> None:
        self._ground = ground
        self._sign_ins = sign_ins
        self._membership_cache = membership_cache
        from telecmi_mcp._team.accounts.login_locks import LoginLocks, SharedPasswordHashes  # needs an extra

        self._login = ground.login(RejectedPasswords(SharedPasswordHashes(database, is_needed=True)))
        self._locks = LoginLocks(database, patience=ground.settings.timeout, is_needed=True)

    def of(self, account: SharedAccount | Fault, *, tasks: TaskGroup) -> TokenSource:
        if isinstance(account, Fault):
            return NoSignIn(account.error)
        credentials_source = CallerCredentials(self._sign_ins, self._membership_cache, account, self._ground.secrets)
        return RenewingToken(
            credentials_source,
            self._login,
            tasks=tasks,
            lock=lambda: self._locks.held(credentials_source.user),
            clock=self._ground.clock,
        )


@dataclass(frozen=True, slots=True)
class AppOfService:
    """One app for everybody, which reads with the service's own sign-in."""

    app: App

    async def app_of(self, caller: Caller) -> App:  # noqa: ARG002 - the protocol's argument
        """Return the app."""
        return self.app

    async def app_named(self, is_meant: Callable[[str], bool]) -> App | None:
        """Return the app, if that is the account of the token at hand."""
        return self.app if is_meant(await self.app.account()) else None

    @property
    def upstream_health(self) -> UpstreamHealth:
        """Whether TeleCMI answers, whoever asks."""
        return self.app.client.upstream_health


@dataclass(slots=True)
class AppSlot:
    """Where an app lives, from its first call until it is idle."""

    used_at: float
    app: App | None = None
    opened: anyio.Event = field(default_factory=anyio.Event)
    left: anyio.Event = field(default_factory=anyio.Event)


class AppsOfCallers:
    """An app for each account, opened at its first call, closed after 15 minutes without one unless its mirror runs.

    Args:
        membership_cache: Tells who reads which account.
        open_app: Opens the app of an account.
        tasks: What apps live in.
        nobody: The app of callers without a sign-in.
        overloaded_app: The app of accounts for which there is no room.
        most: How many apps are open at once.
        clock: Tells seconds, from any beginning.
        sleep: Waits between two times of tidying up.
    """

    def __init__(
        self,
        membership_cache: MembershipCache,
        open_app: Callable[[SharedAccount | Fault], AbstractAsyncContextManager[App]],
        tasks: TaskGroup,
        nobody: App,
        overloaded_app: App,
        *,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._membership_cache = membership_cache
        self._open_app = open_app
        self._tasks = tasks
        self._anonymous_app = nobody
        self._overloaded_app = overloaded_app
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._rooms: dict[SharedAccount | Fault, AppSlot] = {}

    @property
    def upstream_health(self) -> UpstreamHealth:
        """Whether TeleCMI answers, whoever asks."""
        return self._anonymous_app.client.upstream_health

    async def app_of(self, caller: Caller) -> App:
        """Return the app of the account that the caller reads; see ``Apps``."""
        account = await self._membership_cache.account_of(caller.name)
        if account is None or not self._membership_cache.is_believed:
            return self._anonymous_app
        return await self._app_for(account)

    async def app_named(self, is_meant: Callable[[str], bool]) -> App | None:
        """Return the app of an account that callers read; see ``Apps``."""
        accounts = await self._membership_cache.accounts()
        found = next((account for account in accounts if is_meant(account.name)), None)
        return None if found is None else await self._app_for(found)

    async def keep_tidy(self) -> None:
        """Close what is idle, for as long as this runs."""
        while True:
            await self._sleep(_TIDY_SECONDS)
            self.tidy()

    def tidy(self, *, idle: float = IDLE_SECONDS) -> None:
        """Close the apps that had no call for so many seconds and have no pass of the mirror under way."""
        for account, room in list(self._rooms.items()):
            if room.app and self._clock() - room.used_at >= idle and not room.app.directory.is_syncing:
                del self._rooms[account]
                room.left.set()

    async def _app_for(self, account: SharedAccount | Fault) -> App:
        room = self._rooms.get(account)
        if room is None:
            if self._is_full():
                return self._overloaded_app
            room = self._rooms[account] = AppSlot(self._clock())
            self._tasks.start_soon(self._live, account, room)
        room.used_at = self._clock()
        await room.opened.wait()
        return room.app or self._overloaded_app

    def _is_full(self) -> bool:
        if len(self._rooms) >= self._most:
            self.tidy(idle=2 * self._anonymous_app.settings.timeout)  # no call lasts so long
        return len(self._rooms) >= self._most

    async def _live(self, account: SharedAccount | Fault, room: AppSlot) -> None:
        try:
            async with self._open_app(account) as room.app:
                room.opened.set()
                await room.left.wait()
        except Exception as defect:  # noqa: BLE001 - a defect in one account's app must not end the others
            _log.error("an account's app ended with %s", type(defect).__name__)
        finally:
            room.opened.set()
            if self._rooms.get(account) is room:
                del self._rooms[account]
