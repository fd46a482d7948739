"""Pools apps: one for each account, shared by its callers, with connections of its own."""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._api.client import NO_HOOKS
from telecmi_mcp._api.http import Channel
from telecmi_mcp._app import assemble_app
from telecmi_mcp._auth.login import Login
from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
from telecmi_mcp._auth.renewing_token import RenewingToken
from telecmi_mcp._auth.resolve import ConfiguredPassword, choose_source
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._index.account_directory import name_masked
from telecmi_mcp._mask import ALL_MASKS, NO_MASK
from telecmi_mcp._task_groups import open_background_tasks
from telecmi_mcp._team.accounts.credential_sources import (
    CallerCredentials,
    NoSignIn,
    ServiceCredentials,
    sign_in_unavailable,
)
from telecmi_mcp._team.accounts.credential_store import Fault, SharedAccount, TeamSignIns
from telecmi_mcp._team.accounts.encryption import open_vault
from telecmi_mcp._team.accounts.membership_cache import MembershipCache
from telecmi_mcp._team.accounts.service_token import ServiceToken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
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
    from telecmi_mcp._mask import Mask
    from telecmi_mcp._team.accounts.encryption import Vault
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.db.database import Database

_log = logging.getLogger(__name__)

MAX_TELECMI_CONNECTIONS = 64
"""Connections to TeleCMI of one replica, for all accounts together."""

MAX_APPS = 2000
IDLE_TIMEOUT_S = 900.0
_CLEANUP_INTERVAL_S = 60.0
_FULL_RETRY_S = 60.0
_SERVICE = "service"


@dataclass(frozen=True, slots=True)
class AppDeps:
    """Dependencies of all apps of a replica: the arguments of ``open_apps``."""

    settings: Settings
    channel: Channel
    secrets: KnownSecrets
    open_location: Callable[[str], IndexLocation] | None
    hooks_for: Callable[[str], RequestHooks]
    clock: Callable[[], float]
    monotonic: Callable[[], float]

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
    connections: int = MAX_TELECMI_CONNECTIONS,
    on_surplus: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Apps]:
    """Open the apps of one replica, and close what was opened of them in the end.

    TELECMI_RATE_LIMIT, the limit of a local server, is ignored: the team server has limits for each caller.

    Args:
        settings: The configuration.
        database: An open database with its schema; ``None`` without one.
        open_location: Opens the index of an account by the account's name; ``None`` for a local index.
        transport: Replaces the network: a TeleCMI stand-in in this process.
        state: Folder of the service's sign-in by ``telecmi-mcp login``; ``None`` for none.
        secrets: Collects every secret, so that the log can mask them.
        hooks_for: Returns the hooks around requests to TeleCMI, by the account's name.
        connections: Maximum number of connections to TeleCMI, for all accounts together.
        on_surplus: Is called when a connection is closed because TeleCMI sent bytes that belong to no answer.
        clock: Returns the Unix time, for the age of tokens.
        monotonic: Returns seconds of a monotonic clock.

    Raises:
        ConfigurationError: The encryption keys cannot be used.
    """
    known = secrets or KnownSecrets()
    vault = await run_sync(open_vault, settings, known)
    common = replace(settings.common, rate_limit=0)
    known.add(common.token, common.password)
    channel = Channel(common.base_url, transport=transport, connections=connections, on_surplus=on_surplus)
    deps = AppDeps(common, channel, known, open_location, hooks_for, clock, monotonic)
    is_shared = settings.sign_ins == "service"
    opened = _open_service(deps, database, vault, state) if is_shared else _open_callers(deps, database, vault)
    try:
        async with opened as apps:
            yield apps
    finally:
        with anyio.CancelScope(shield=True):
            await channel.aclose()


@asynccontextmanager
async def _open_callers(deps: AppDeps, database: Database | None, vault: Vault | None) -> AsyncIterator[Apps]:
    if database is None:  # never with the service's sign-in in place of a caller's
        raise errors.ConfigurationError(
            hint="Set TELECMI_DATABASE_URL", fact="callers' sign-ins are kept in a database"
        )
    sign_ins = TeamSignIns(database, vault)
    membership_cache = MembershipCache(sign_ins, deps.settings.base_url, clock=deps.monotonic)
    renewals = _Renewals(deps, database, is_needed=True)

    def token_of(account: SharedAccount | Fault, *, tasks: TaskGroup) -> TokenSource:
        if isinstance(account, Fault):
            return NoSignIn(account.error)
        return renewals.token(CallerCredentials(sign_ins, membership_cache, account, deps.secrets), tasks=tasks)

    def app_without_token(error: Callable[[], errors.TelecmiError]) -> AbstractAsyncContextManager[App]:
        return deps.app(lambda **_: NoSignIn(error))

    async with (
        open_background_tasks() as tasks,
        app_without_token(errors.CallerNotSignedIn) as anonymous_app,
        app_without_token(sign_in_unavailable) as unavailable_app,
        app_without_token(partial(errors.CallLimitReached, _FULL_RETRY_S)) as overloaded_app,
    ):
        apps = AppsOfCallers(
            membership_cache,
            lambda account: deps.app(partial(token_of, account), account=account.name),
            tasks,
            anonymous_app=anonymous_app,
            unavailable_app=unavailable_app,
            overloaded_app=overloaded_app,
            clock=deps.monotonic,
        )
        tasks.start_soon(apps.close_idle_periodically)
        yield apps


@asynccontextmanager
async def _open_service(
    deps: AppDeps, database: Database | None, vault: Vault | None, state: Path | None
) -> AsyncIterator[Apps]:
    """Open the app of the service; with a database and keys, one replica renews its token for all."""
    settings = deps.settings
    choose: Callable[..., TokenSource] = partial(
        choose_source, settings, deps.channel, state=state, secrets=deps.secrets, clock=deps.clock
    )
    if database is not None and vault is not None and (settings.password or settings.password_file):
        given = ConfiguredPassword(settings, deps.secrets)
        account = SharedAccount(settings.base_url, settings.user_id)
        credentials = ServiceCredentials(given, TeamSignIns(database, vault), account, deps.secrets)
        choose = partial(_Renewals(deps, database, is_needed=False).token, credentials)
    async with deps.app(lambda *, tasks: ServiceToken(choose(tasks=tasks)), state) as app:
        yield AppOfService(app, deps.channel.upstream_health)


class _Renewals:
    """Creates token sources whose tokens one replica renews for all."""

    def __init__(self, deps: AppDeps, database: Database, *, is_needed: bool) -> None:
        from telecmi_mcp._team.accounts.login_locks import LoginLocks, SharedPasswordHashes  # needs an extra

        rejected_passwords = RejectedPasswords(SharedPasswordHashes(database, is_needed=is_needed))
        timeout = deps.settings.timeout
        self._login = Login(deps.channel, rejected_passwords, deps.secrets, timeout=timeout, clock=deps.clock)
        self._locks = LoginLocks(database, timeout=timeout, is_needed=is_needed)
        self._clock = deps.clock

    def token(self, credentials: CallerCredentials | ServiceCredentials, *, tasks: TaskGroup) -> RenewingToken:
        """Return the token of an account."""
        return RenewingToken(
            credentials, self._login, tasks=tasks, lock=lambda: self._locks.held(credentials.user), clock=self._clock
        )


@dataclass(frozen=True, slots=True)
class AppOfService:
    """One app for all callers, with the service's sign-in; its methods are those of ``AppsOfCallers``."""

    app: App
    upstream_health: UpstreamHealth

    async def app_of(self, caller: str) -> App:  # noqa: ARG002 - as the other kind has it
        """Return the app."""
        return self.app

    async def app_named(self, is_meant: Callable[[str], bool]) -> App | None:
        """Return the app, for a reader with the mask that is meant, if its account is the one that is meant.

        Raises:
            TelecmiError: The service's sign-in cannot be read.
        """
        account = await self.app.with_mask(NO_MASK).account()
        mask = _meant_mask(account, is_meant)
        return None if mask is None else self.app.with_mask(mask)


@dataclass(slots=True)
class AppSlot:
    """State of one app from its first call until it is closed."""

    used_at: float
    app: App | None = None
    opened: anyio.Event = field(default_factory=anyio.Event)
    left: anyio.Event = field(default_factory=anyio.Event)


class AppsOfCallers:
    """One app for each account, opened by its first call and closed after 15 idle minutes unless a sync runs.

    Args:
        membership_cache: Returns the account of each caller.
        open_app: Opens the app of an account.
        tasks: Task group that the apps run in.
        anonymous_app: App of callers without a sign-in.
        unavailable_app: App of callers whose sign-in cannot be read.
        overloaded_app: App of accounts beyond the maximum.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self,
        membership_cache: MembershipCache,
        open_app: Callable[[SharedAccount | Fault], AbstractAsyncContextManager[App]],
        tasks: TaskGroup,
        *,
        anonymous_app: App,
        unavailable_app: App,
        overloaded_app: App,
        clock: Callable[[], float],
    ) -> None:
        self._membership_cache = membership_cache
        self._open_app = open_app
        self._tasks = tasks
        self._anonymous_app = anonymous_app
        self._unavailable_app = unavailable_app
        self._overloaded_app = overloaded_app
        self._clock = clock
        self._slots: dict[SharedAccount | Fault, AppSlot] = {}
        self.upstream_health = anonymous_app.client.upstream_health

    async def app_of(self, caller: str) -> App:
        """Return the app of the account that the caller reads.

        It raises nothing. The calls of an app without a sign-in raise the error.
        """
        try:
            account = await self._membership_cache.account_of(caller)
        except errors.DatabaseUnavailable:
            return self._unavailable_app
        return self._anonymous_app if account is None else await self._app_for(account)

    async def app_named(self, is_meant: Callable[[str], bool]) -> App | None:
        """Return the app of the account and mask with a matching name, for background work; ``None`` for no account.

        Raises:
            DatabaseUnavailable: The accounts are not cached, and the database cannot be read.
        """
        accounts = await self._membership_cache.accounts()
        for account in accounts:
            mask = _meant_mask(account.name, is_meant)
            if mask is not None:
                return (await self._app_for(account)).with_mask(mask)
        return None

    async def close_idle_periodically(self) -> None:
        """Close what is idle, for as long as this runs."""
        while True:
            await anyio.sleep(_CLEANUP_INTERVAL_S)
            self.close_idle()

    def close_idle(self, *, idle: float = IDLE_TIMEOUT_S) -> None:
        """Close the apps that had no call for so many seconds and have no running sync."""
        for account, slot in list(self._slots.items()):
            if slot.app and self._clock() - slot.used_at >= idle and not slot.app.is_syncing:
                del self._slots[account]
                slot.left.set()

    async def _app_for(self, account: SharedAccount | Fault) -> App:
        slot = self._slots.get(account)
        if slot is None:
            if self._is_full():
                return self._overloaded_app
            slot = self._slots[account] = AppSlot(self._clock())
            self._tasks.start_soon(self._live, account, slot)
        slot.used_at = self._clock()
        await slot.opened.wait()
        return slot.app or self._overloaded_app

    def _is_full(self) -> bool:
        if len(self._slots) >= MAX_APPS:
            self.close_idle(idle=2 * self._anonymous_app.settings.timeout)  # no call lasts so long
        return len(self._slots) >= MAX_APPS

    async def _live(self, account: SharedAccount | Fault, slot: AppSlot) -> None:
        try:
            async with self._open_app(account) as slot.app:
                slot.opened.set()
                await slot.left.wait()
        except Exception as defect:  # noqa: BLE001 - a defect in one account's app must not end the others
            _log.error("an account's app ended with %s", type(defect).__name__)
        finally:
            slot.opened.set()
            if self._slots.get(account) is slot:
                del self._slots[account]


def _meant_mask(account: str, is_meant: Callable[[str], bool]) -> Mask | None:
    """Return the mask with which an account is meant; ``None`` if another account is."""
    return next((mask for mask in ALL_MASKS if is_meant(name_masked(account, mask))), None)


Apps: TypeAlias = AppOfService | AppsOfCallers
"""Returns the app of a caller, and of an account that needs background work."""
