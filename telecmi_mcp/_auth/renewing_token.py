"""Token source that renews its token by a login, once for all calls that need it."""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import anyio

from telecmi_mcp import errors
from telecmi_mcp._api.token_source import DAY, TokenInfo

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from anyio.abc import TaskGroup
    from pydantic import SecretStr

    from telecmi_mcp._auth.credentials import Credentials
    from telecmi_mcp._auth.login import Login

_log = logging.getLogger(__name__)

RENEW_AFTER_S = 25 * DAY
FRESH_S = 300.0
COOLDOWN_S = DAY
_EARLY_RENEWAL_RETRY_S = 3600.0


class CredentialsSource(Protocol):
    """Store of the credentials in use: memory, or a store that other processes write too."""

    def revision(self) -> object:
        """Return a value that differs after every change."""
        ...

    async def read(self) -> Credentials | None:
        """Return the credentials; ``None`` where no user has signed in."""
        ...

    async def write(self, credentials: Credentials) -> None:
        """Store renewed credentials."""
        ...

    def with_hint(self, error: errors.TelecmiError) -> errors.TelecmiError:
        """Return the error with the hint for this store."""
        ...

    @property
    def source(self) -> str:
        """The store, in words for a person."""
        ...


@dataclass(slots=True)
class _Flight:
    """A running renewal and its result, shared by the calls that wait for it."""

    done: anyio.Event = field(default_factory=anyio.Event)
    token: SecretStr | None = None
    error: Exception | None = None


class RenewingToken:
    """The token of one account, shared by all calls of the process.

    A renewal runs in a task of its own, so a cancelled call does not cancel it. Before a renewal signs in, it reads
    the token that another process may have stored. If TeleCMI rejects a token within five minutes of its login, no
    renewal runs for a day: the cause is not the token's age (404 also means "not provisioned").

    Args:
        credentials_source: Reads and stores the credentials.
        login: Signs in.
        tasks: Task group of the renewals, open as long as the app.
        lock: Returns the lock that is held during a login, so that two processes do not sign in at once.
        clock: Returns the Unix time.
    """

    def __init__(
        self,
        credentials_source: CredentialsSource,
        login: Login,
        *,
        tasks: TaskGroup,
        lock: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials_source = credentials_source
        self._login = login
        self._tasks = tasks
        self._lock = lock
        self._clock = clock
        self._credentials: Credentials | None = None
        self._revision: object = None
        self._loading = anyio.Lock(fast_acquire=True)
        self._flight: _Flight | None = None
        self._cooldown_until = 0.0
        self._next_early_renewal = 0.0
        self._password_refused = False

    async def current(self) -> SecretStr:
        """Return the token. From day 25 on, also start to renew it in the background.

        Raises:
            NotSignedIn: Neither a token nor a password is stored.
            TelecmiError: The first login failed; the class says why.
        """
        credentials = await self._current_credentials()
        token = None if credentials is None else credentials.token
        if credentials is not None and token is None:
            token = await self._join_renewal(None)
        elif credentials is not None and self._is_due(credentials):
            self._next_early_renewal = self._clock() + _EARLY_RENEWAL_RETRY_S
            self._start(token)
        if token is None:
            raise self._credentials_source.with_hint(errors.NotSignedIn())
        return token

    async def held(self) -> SecretStr | None:
        """Return the stored token without a renewal or a login."""
        credentials = await self._current_credentials()
        return None if credentials is None else credentials.token

    async def renew(self, refused: SecretStr) -> SecretStr | None:
        """Return the token that already replaced the rejected one, else the token of a new login.

        Raises:
            PasswordRejected: TeleCMI rejects the password too.
            TelecmiError: The login failed; the class says why.
        """
        credentials = await self._current_credentials()
        if credentials is None:
            return None
        if credentials.token is not None and credentials.token != refused:
            return credentials.token
        if self._is_cooling_down(credentials):
            return None
        return await self._join_renewal(refused)

    def explain(self, refusal: errors.TokenRejected) -> errors.TokenRejected:
        """Return the error with the hint for the store of the credentials."""
        if self._credentials is not None and self._is_cooling_down(self._credentials):
            return errors.TokenRejected(
                refusal.status,
                hint="The user must ask TeleCMI whether contacts are enabled for this user",
                fact="TeleCMI rejected a token that it had just issued",
                detail=refusal.detail,
            )
        explained = self._credentials_source.with_hint(refusal)
        return explained if isinstance(explained, errors.TokenRejected) else refusal

    @property
    def origin(self) -> TokenInfo:
        """Source and age of the token in use."""
        credentials = self._credentials
        if credentials is None:
            return TokenInfo()
        renewal = credentials.password is not None and not self._password_refused
        issued_at = credentials.issued_at if credentials.token is not None else None
        return TokenInfo(
            self._credentials_source.source, credentials.account.user_id, issued_at, renewal, credentials.organisation
        )

    async def _current_credentials(self) -> Credentials | None:
        async with self._loading:
            revision = self._credentials_source.revision()
            if self._credentials is None or revision != self._revision:
                self._set(await self._credentials_source.read())
                self._revision = revision
        return self._credentials

    def _set(self, credentials: Credentials | None) -> None:
        if credentials != self._credentials:
            self._password_refused = False
        self._credentials = credentials

    def _is_due(self, credentials: Credentials) -> bool:
        now = self._clock()
        is_old = now - credentials.issued_at >= RENEW_AFTER_S
        return is_old and credentials.password is not None and now >= self._next_early_renewal

    def _is_cooling_down(self, credentials: Credentials) -> bool:
        """Return True if TeleCMI rejected a fresh token, so it would reject another one too."""
        now = self._clock()
        if credentials.token is not None and 0 <= now - credentials.issued_at < FRESH_S:
            self._cooldown_until = credentials.issued_at + COOLDOWN_S
        return now < self._cooldown_until

    async def _join_renewal(self, refused: SecretStr | None) -> SecretStr | None:
        flight = self._start(refused)
        await flight.done.wait()
        if flight.error is not None:
            raise flight.error.with_traceback(None)
        return flight.token

    def _start(self, refused: SecretStr | None) -> _Flight:
        if self._flight is None:
            self._flight = _Flight()
            self._tasks.start_soon(self._run, self._flight, refused)
        return self._flight

    async def _run(self, flight: _Flight, refused: SecretStr | None) -> None:
        try:
            async with self._lock():
                flight.token = await self._get_token(refused)
        except errors.TelecmiError as error:
            self._password_refused = isinstance(error, errors.PasswordRejected)
            flight.error = self._credentials_source.with_hint(error)
            _log.warning("the token was not renewed: %s", error.code)
        except Exception as error:  # noqa: BLE001 - a defect fails the calls that wait, not the whole server
            flight.error = error
        finally:
            self._flight = None
            flight.done.set()

    async def _get_token(self, refused: SecretStr | None) -> SecretStr | None:
        """Return the token that another process stored, else the token of one login; ``None`` without a password."""
        credentials = await self._credentials_source.read()
        self._set(credentials)
        if credentials is None:
            return None
        if credentials.token is not None and credentials.token != refused:
            return credentials.token
        if credentials.password is None:
            return None
        fresh = await self._login.unattended(credentials.account, credentials.password)
        renewed = replace(fresh, store=credentials.store, organisation=credentials.organisation)
        self._set(renewed)
        await self._store(renewed)
        return renewed.token

    async def _store(self, renewed: Credentials) -> None:
        try:
            with anyio.CancelScope(shield=True):  # other processes would keep a token that TeleCMI may have revoked
                await self._credentials_source.write(renewed)
        except errors.TelecmiError as error:
            _log.warning("the renewed token could not be stored and serves this process only: %s", error.code)
        self._revision = self._credentials_source.revision()
