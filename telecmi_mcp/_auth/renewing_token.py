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

RENEW_AFTER = 25 * DAY
FRESH_SECONDS = 300.0
COOLDOWN_S = DAY
_RETRY_EARLY_RENEWAL = 3600.0


class CredentialsSource(Protocol):
    """Where the grant in use lies: in memory, or in a store that other processes write too."""

    def stamp(self) -> object:
        """Return a value that is another one after every change."""
        ...

    async def read(self) -> Credentials | None:
        """Return the grant; ``None`` where nobody has signed in."""
        ...

    async def write(self, credentials: Credentials) -> None:
        """Keep a renewed grant."""
        ...

    def tell(self, error: errors.TelecmiError) -> errors.TelecmiError:
        """Return the error with the advice that fits where the grant lies."""
        ...

    @property
    def source(self) -> str:
        """Where the grant lies, in words for a person."""
        ...


@dataclass(slots=True)
class _Flight:
    """A renewal that is under way, for whoever waits for it."""

    done: anyio.Event = field(default_factory=anyio.Event)
    token: SecretStr | None = None
    error: Exception | None = None


class RenewedToken:
    """The token of an account, shared by all calls of the process.

    A renewal is a task of its own: a call that is cancelled leaves it to the others. Before it signs in it looks
    whether another process has done so. A token that was refused within five minutes of its login is not renewed
    for a day, because then the reason is another one (404 also means "not provisioned").

    Args:
        tasks: Where renewals run, for as long as the app is open.
        lock: Makes what is held during a login, so that two processes do not sign in at once.
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
        self._grant: Credentials | None = None
        self._stamp: object = None
        self._loading = anyio.Lock()
        self._flight: _Flight | None = None
        self._barren_until = 0.0
        self._early_after = 0.0
        self._password_refused = False

    async def current(self) -> SecretStr:
        """Return the token; from day 25 on also begin to renew it, which nobody waits for.

        Raises:
            NotSignedIn: There is neither a token nor a password.
            TelecmiError: The first login failed; the class says why.
        """
        credentials = await self._up_to_date()
        if credentials is None:
            raise self._credentials_source.tell(errors.NotSignedIn())
        if credentials.token is None:
            token = await self._renewed(None)
            if token is None:
                raise self._credentials_source.tell(errors.NotSignedIn())
            return token
        if self._is_due(credentials):
            self._early_after = self._clock() + _RETRY_EARLY_RENEWAL
            self._start(credentials.token)
        return credentials.token

    async def held(self) -> SecretStr | None:
        """Return the token that the last login brought; renew nothing and sign nobody in."""
        credentials = await self._up_to_date()
        return None if credentials is None else credentials.token

    async def renew(self, refused: SecretStr) -> SecretStr | None:
        """Return the token that replaced the refused one, or that one login replaces it with now.

        Raises:
            PasswordRefused: TeleCMI refuses the password too.
            TelecmiError: The login failed; the class says why.
        """
        credentials = await self._up_to_date()
        if credentials is None:
            return None
        if credentials.token is not None and credentials.token != refused:
            return credentials.token
        if self._is_cooling_down(credentials):
            return None
        return await self._renewed(refused)

    def explain(self, refusal: errors.TokenRefused) -> errors.TokenRefused:
        """Return the refusal with the advice that fits where the grant lies."""
        if self._grant is not None and self._is_cooling_down(self._grant):
            return errors.TokenRefused(
                refusal.status,
                hint="The user must ask TeleCMI whether contacts are enabled for this user",
                fact="TeleCMI did not accept a token that it had just issued",
                detail=refusal.detail,
            )
        told = self._credentials_source.tell(refusal)
        return told if isinstance(told, errors.TokenRefused) else refusal

    @property
    def origin(self) -> TokenInfo:
        """What is known of the token in use."""
        credentials = self._grant
        if credentials is None:
            return TokenInfo()
        renewal = credentials.password is not None and not self._password_refused
        issued_at = credentials.issued_at if credentials.token is not None else None
        return TokenInfo(
            self._credentials_source.source, credentials.account.user_id, issued_at, renewal, credentials.organisation
        )

    async def _up_to_date(self) -> Credentials | None:
        if self._grant is None or self._credentials_source.stamp() != self._stamp:
            async with self._loading:
                await self._load()
        return self._grant

    async def _load(self) -> None:
        stamp = self._credentials_source.stamp()
        if self._grant is not None and stamp == self._stamp:
            return
        self._hold(await self._credentials_source.read())
        self._stamp = stamp

    def _hold(self, credentials: Credentials | None) -> None:
        if credentials != self._grant:
            self._password_refused = False
        self._grant = credentials

    def _is_due(self, credentials: Credentials) -> bool:
        now = self._clock()
        return (
            credentials.password is not None and now - credentials.issued_at >= RENEW_AFTER and now >= self._early_after
        )

    def _is_cooling_down(self, credentials: Credentials) -> bool:
        """Whether a token was refused while it was fresh, and so another one would be too."""
        now = self._clock()
        if credentials.token is not None and 0 <= now - credentials.issued_at < FRESH_SECONDS:
            self._barren_until = credentials.issued_at + COOLDOWN_S
        return now < self._barren_until

    async def _renewed(self, refused: SecretStr | None) -> SecretStr | None:
        flight = self._flight or self._start(refused)
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
                flight.token = await self._obtain(refused)
        except errors.TelecmiError as error:
            self._password_refused = isinstance(error, errors.PasswordRefused)
            flight.error = self._credentials_source.tell(error)
            _log.warning("the sign-in was not renewed: %s", error.code)
        except Exception as error:  # noqa: BLE001 - a defect of ours: for the calls that wait, not for the whole server
            flight.error = error
        finally:
            self._flight = None
            flight.done.set()

    async def _obtain(self, refused: SecretStr | None) -> SecretStr | None:
        """Another token than the refused one: another process's, else that of one login."""
        credentials = await self._credentials_source.read()
        self._hold(credentials)
        if credentials is None:
            return None
        if credentials.token is not None and credentials.token != refused:
            return credentials.token
        if credentials.password is None:
            return None
        fresh = await self._login.unattended(credentials.account, credentials.password)
        renewed = replace(fresh, store=credentials.store, organisation=credentials.organisation)
        self._hold(renewed)
        await self._keep(renewed)
        return renewed.token

    async def _keep(self, renewed: Credentials) -> None:
        try:
            with anyio.CancelScope(shield=True):  # the others would go on with a token that may be dead
                await self._credentials_source.write(renewed)
        except errors.TelecmiError as error:
            _log.warning("the renewed token serves this process only: %s", error.code)
        self._stamp = self._credentials_source.stamp()
