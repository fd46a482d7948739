"""Signs in at TeleCMI; repeats a login only if no connection was made, because TeleCMI may lock an account."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from telecmi_mcp import errors
from telecmi_mcp._api import protocol
from telecmi_mcp._api.client import log_detail
from telecmi_mcp._api.retry import attempt_timeout_s, retry_delay_s
from telecmi_mcp._auth.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import SecretStr

    from telecmi_mcp._api.http import Channel
    from telecmi_mcp._auth.credentials import Account
    from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._models import SignedIn

_log = logging.getLogger(__name__)

_FIRST_BACKOFF_S = 60.0
_MAX_BACKOFF_S = 3600.0


@dataclass(slots=True)
class _Backoff:
    """Error that unattended logins of an account repeat until a time, after a login failed with it."""

    error: errors.TelecmiError
    until: float
    seconds: float


class Login:
    """Signs accounts in, within ``timeout`` seconds each.

    A login is repeated only if the first request cannot have reached TeleCMI, because a rejected password that is sent
    twice may lock the account. Each login opens a connection of its own and closes it afterwards.
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
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._channel = channel.separate(is_kept=False)
        self._rejected_passwords = rejected_passwords
        self._secrets = secrets
        self._timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._rng = rng
        self._backoffs: dict[Account, _Backoff] = {}

    async def unattended(self, account: Account, password: SecretStr) -> Credentials:
        """Sign in for a call. Send no password that TeleCMI rejected, and no login during the backoff after a failure.

        Raises:
            PasswordRejected: TeleCMI rejects the password, or rejected it before.
            TelecmiError: The login failed, or failed recently; the class says why.
        """
        if await self._rejected_passwords.knows(account, password):
            raise errors.PasswordRejected
        backoff = self._backoffs.get(account)
        if backoff is not None and backoff.until - backoff.seconds <= self._clock() < backoff.until:
            raise backoff.error.with_traceback(None)
        try:
            credentials, _ = await self.interactive(account, password)
        except errors.PasswordRejected:
            raise
        except errors.TelecmiError as error:
            seconds = min(_MAX_BACKOFF_S, backoff.seconds * 2) if backoff else _FIRST_BACKOFF_S
            self._backoffs[account] = _Backoff(error, self._clock() + seconds, seconds)
            raise
        return credentials

    async def interactive(self, account: Account, password: SecretStr) -> tuple[Credentials, SignedIn]:
        """Sign in for a person who has just entered the password; return the credentials and TeleCMI's answer.

        Raises:
            PasswordRejected: TeleCMI rejects the password; unattended logins do not send it again.
            TelecmiError: The login failed; the class says why.
        """
        self._secrets.add(password)
        try:
            signed_in = await self._sign_in(account, password)
        except errors.PasswordRejected:
            with anyio.CancelScope(shield=True):  # a cancelled call must not lose the rejection
                await self._rejected_passwords.note(account, password)
            raise
        self._secrets.add(signed_in.token)
        self._backoffs.pop(account, None)
        await self._rejected_passwords.forget(account)
        return Credentials(account, signed_in.token, self._clock(), password), signed_in

    async def _sign_in(self, account: Account, password: SecretStr) -> SignedIn:
        body = protocol.login_request(account.user_id, password.get_secret_value())
        with anyio.move_on_after(self._timeout):
            return await self._request(body)
        raise errors.DeadlineExceeded(self._timeout)

    async def _request(self, body: dict[str, str]) -> SignedIn:
        retry = 0
        while True:
            try:
                answer = await self._channel.post(protocol.LOGIN_PATH, body, timeout_s=attempt_timeout_s())
                return protocol.read_login(*answer, secret=body["password"])
            except errors.Unreachable as error:  # no connection, so nothing was sent
                retry += 1
                if retry > error.retries:
                    raise
                await self._sleep(retry_delay_s(retry, retry_after=None, rng=self._rng))
            except errors.TelecmiError as error:
                _log.info("%s: %s", error.code, log_detail(error))
                raise
