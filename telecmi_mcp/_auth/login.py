"""Signs in at TeleCMI; repeats a login only if no connection was made, because accounts may lock."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from telecmi_mcp import errors
from telecmi_mcp._api import protocol
from telecmi_mcp._api.limiters import pause_before
from telecmi_mcp._auth.credentials import Credentials
from telecmi_mcp._sanitize import clean

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import SecretStr

    from telecmi_mcp._api.http import Channel
    from telecmi_mcp._auth.credentials import Account
    from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._models import SignedIn

_log = logging.getLogger(__name__)

_DETAIL_LIMIT = 200
_NEARLY = 0.98  # httpcore2 leaves a TLS handshake open that the deadline cancels, and closes one that times out
_FIRST_REST = 60.0
_LONGEST_REST = 3600.0


@dataclass(slots=True)
class _Backoff:
    """After a login that failed for other reasons than the password: none by itself until some time has passed."""

    error: errors.TelecmiError
    until: float
    seconds: float


class Login:
    """Signs accounts in, within ``timeout`` seconds each.

    A login is repeated only where the first one cannot have reached TeleCMI, because a refused password
    that is sent twice may be what locks the account. Each has a connection of its own, which is closed after it.
    """

    def __init__(
        self,
        channel: Channel,
        rejected_passwords: RejectedPasswords,
        secrets: KnownSecrets,
        *,
        timeout: float = 30.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._channel = channel.separate(is_kept=False)
        self._rejected_passwords = rejected_passwords
        self._secrets = secrets
        self._timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._draw = draw
        self._backoffs: dict[Account, _Backoff] = {}

    async def unattended(self, account: Account, password: SecretStr) -> Credentials:
        """Sign in for a call: not with a password that was refused, and not right after a login that failed.

        Raises:
            PasswordRefused: TeleCMI refuses the password, or did so before.
            TelecmiError: There is no usable answer; the class says why.
        """
        if await self._rejected_passwords.knows(account, password):
            raise errors.PasswordRefused
        rest = self._backoffs.get(account)
        if rest is not None and rest.until - rest.seconds <= self._clock() < rest.until:
            raise rest.error.with_traceback(None)
        try:
            credentials, _ = await self.interactive(account, password)
        except errors.PasswordRefused:
            raise
        except errors.TelecmiError as error:
            seconds = min(_LONGEST_REST, rest.seconds * 2) if rest else _FIRST_REST
            self._backoffs[account] = _Backoff(error, self._clock() + seconds, seconds)
            raise
        return credentials

    async def interactive(self, account: Account, password: SecretStr) -> tuple[Credentials, SignedIn]:
        """Sign in for a person who has just given the password; return also what TeleCMI told.

        Raises:
            PasswordRefused: TeleCMI refuses the password; from now on it is not sent by itself.
            TelecmiError: There is no usable answer; the class says why.
        """
        self._secrets.add(password)
        try:
            signed_in = await self._in_time(account, password)
        except errors.PasswordRefused:
            with anyio.CancelScope(shield=True):  # whoever waits for this: it must not be lost
                await self._rejected_passwords.note(account, password)
            raise
        self._secrets.add(signed_in.token)
        self._backoffs.pop(account, None)
        await self._rejected_passwords.forget(account)
        return Credentials(account, signed_in.token, self._clock(), password), signed_in

    async def _in_time(self, account: Account, password: SecretStr) -> SignedIn:
        body = protocol.login_request(account.user_id, password.get_secret_value())
        with anyio.move_on_after(self._timeout):
            return await self._ask(body)
        raise errors.DeadlineExceeded(self._timeout)

    async def _ask(self, body: dict[str, str]) -> SignedIn:
        retry = 0
        while True:
            try:
                answer = await self._channel.post(protocol.LOGIN_PATH, body, patience=self._patience())
                return protocol.read_login(
                    answer.status, answer.body, retry_after=answer.retry_after, secret=body["password"]
                )
            except errors.Unreachable as error:  # no connection: nothing was sent
                retry += 1
                if retry > error.retries:
                    raise
                await self._sleep(pause_before(retry, retry_after=None, draw=self._draw))
            except errors.TelecmiError as error:
                _log.info("%s: %s", error.code, clean(error.detail, limit=_DETAIL_LIMIT) or error.fact)
                raise

    def _patience(self) -> float:
        return max(0.0, anyio.current_effective_deadline() - anyio.current_time()) * _NEARLY
