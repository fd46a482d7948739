"""A token that a login brought, and that another login renews: once for all calls that need it."""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import anyio

from telecmi_mcp import errors
from telecmi_mcp._tokens import DAY, Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from anyio.abc import TaskGroup
    from pydantic import SecretStr

    from telecmi_mcp._login import Login
    from telecmi_mcp._sign_ins import Grant

_log = logging.getLogger(__name__)

RENEW_AFTER = 25 * DAY
FRESH_SECONDS = 300.0
BARREN_SECONDS = DAY
_RETRY_EARLY_RENEWAL = 3600.0


class Grants(Protocol):
    """Where the grant in use lies: in memory, or in a store that other processes write too."""

    def stamp(self) -> object:
        """Return a value that is another one after every change."""
        ...

    async def read(self) -> Grant | None:
        """Return the grant; ``None`` where nobody has signed in."""
        ...

    async def write(self, grant: Grant) -> None:
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
        grants: Grants,
        login: Login,
        *,
        tasks: TaskGroup,
        lock: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._grants = grants
        self._login = login
        self._tasks = tasks
        self._lock = lock
        self._clock = clock
        self._grant: Grant | None = None
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
        grant = await self._up_to_date()
        if grant is None:
            raise self._grants.tell(errors.NotSignedIn())
        if grant.token is None:
            token = await self._renewed(None)
            if token is None:
                raise self._grants.tell(errors.NotSignedIn())
            return token
        if self._is_due(grant):
            self._early_after = self._clock() + _RETRY_EARLY_RENEWAL
            self._take_off(grant.token)
        return grant.token

    async def held(self) -> SecretStr | None:
        """Return the token that the last login brought; renew nothing and sign nobody in."""
        grant = await self._up_to_date()
        return None if grant is None else grant.token

    async def renew(self, refused: SecretStr) -> SecretStr | None:
        """Return the token that replaced the refused one, or that one login replaces it with now.

        Raises:
            PasswordRefused: TeleCMI refuses the password too.
            TelecmiError: The login failed; the class says why.
        """
        grant = await self._up_to_date()
        if grant is None:
            return None
        if grant.token is not None and grant.token != refused:
            return grant.token
        if self._is_barren(grant):
            return None
        return await self._renewed(refused)

    def explain(self, refusal: errors.TokenRefused) -> errors.TokenRefused:
        """Return the refusal with the advice that fits where the grant lies."""
        if self._grant is not None and self._is_barren(self._grant):
            return errors.TokenRefused(
                refusal.status,
                hint="The user must ask TeleCMI whether contacts are enabled for this user",
                fact="TeleCMI did not accept a token that it had just issued",
                detail=refusal.detail,
            )
        told = self._grants.tell(refusal)
        return told if isinstance(told, errors.TokenRefused) else refusal

    @property
    def origin(self) -> Origin:
        """What is known of the token in use."""
        grant = self._grant
        if grant is None:
            return Origin()
        renewal = grant.password is not None and not self._password_refused
        issued_at = grant.issued_at if grant.token is not None else None
        return Origin(self._grants.source, grant.account.user_id, issued_at, renewal, grant.organisation)

    async def _up_to_date(self) -> Grant | None:
        if self._grant is None or self._grants.stamp() != self._stamp:
            async with self._loading:
                await self._load()
        return self._grant

    async def _load(self) -> None:
        stamp = self._grants.stamp()
        if self._grant is not None and stamp == self._stamp:
            return
        self._hold(await self._grants.read())
        self._stamp = stamp

    def _hold(self, grant: Grant | None) -> None:
        if grant != self._grant:
            self._password_refused = False
        self._grant = grant

    def _is_due(self, grant: Grant) -> bool:
        now = self._clock()
        return grant.password is not None and now - grant.issued_at >= RENEW_AFTER and now >= self._early_after

    def _is_barren(self, grant: Grant) -> bool:
        """Whether a token was refused while it was fresh, and so another one would be too."""
        now = self._clock()
        if grant.token is not None and 0 <= now - grant.issued_at < FRESH_SECONDS:
            self._barren_until = grant.issued_at + BARREN_SECONDS
        return now < self._barren_until

    async def _renewed(self, refused: SecretStr | None) -> SecretStr | None:
        flight = self._flight or self._take_off(refused)
        await flight.done.wait()
        if flight.error is not None:
            raise flight.error.with_traceback(None)
        return flight.token

    def _take_off(self, refused: SecretStr | None) -> _Flight:
        if self._flight is None:
            self._flight = _Flight()
            self._tasks.start_soon(self._fly, self._flight, refused)
        return self._flight

    async def _fly(self, flight: _Flight, refused: SecretStr | None) -> None:
        try:
            async with self._lock():
                flight.token = await self._obtain(refused)
        except errors.TelecmiError as error:
            self._password_refused = isinstance(error, errors.PasswordRefused)
            flight.error = self._grants.tell(error)
            _log.warning("the sign-in was not renewed: %s", error.code)
        except Exception as error:  # noqa: BLE001 - a defect of ours: for the calls that wait, not for the whole server
            flight.error = error
        finally:
            self._flight = None
            flight.done.set()

    async def _obtain(self, refused: SecretStr | None) -> SecretStr | None:
        """Another token than the refused one: another process's, else that of one login."""
        grant = await self._grants.read()
        self._hold(grant)
        if grant is None:
            return None
        if grant.token is not None and grant.token != refused:
            return grant.token
        if grant.password is None:
            return None
        fresh = await self._login.by_itself(grant.account, grant.password)
        renewed = replace(fresh, store=grant.store, organisation=grant.organisation)
        self._hold(renewed)
        await self._keep(renewed)
        return renewed.token

    async def _keep(self, renewed: Grant) -> None:
        try:
            with anyio.CancelScope(shield=True):  # the others would go on with a token that may be dead
                await self._grants.write(renewed)
        except errors.TelecmiError as error:
            _log.warning("the renewed token serves this process only: %s", error.code)
        self._stamp = self._grants.stamp()
