"""Lets in whoever has the administrators' key, by HTTP Basic; an address that guesses has to wait."""

from __future__ import annotations

import binascii
import hmac
import logging
import time
from base64 import b64decode
from collections import OrderedDict
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from telecmi_mcp._config.keys import read_key_file
from telecmi_mcp._team.config import variables
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

USER: Final = "admin"
"""The user name of HTTP Basic."""

MAX_FAILURES: Final = 10
"""Wrong keys that one address may send in a minute."""

_WINDOW_S = 60.0
_MAX_ADDRESSES = 1000
_MIN_KEY_CHARS = 24
_IPV6_NETWORK_BITS = 64  # one machine can have all addresses of such a network
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="telecmi-mcp", charset="UTF-8"'}

_log = logging.getLogger(__name__)


def read_admin_key(path: Path) -> SecretStr:
    """Read the administrators' key.

    Raises:
        ConfigurationError: The file cannot be read, other users may read it, or it does not hold a key.
    """
    keys = [key.get_secret_value() for key in read_key_file(path, source=variables.ADMIN_KEY_FILE.variable)]
    if len(keys) != 1 or len(keys[0]) < _MIN_KEY_CHARS or not keys[0].isprintable():
        raise ConfigurationError(
            hint=f"Correct {variables.ADMIN_KEY_FILE.variable}: openssl rand -hex 24 prints a key",
            fact=f"the file takes one line of at least {_MIN_KEY_CHARS} characters",
        )
    return SecretStr(keys[0])


class BasicAuthentication:
    """Passes on requests with the administrators' key: 401 without it, 429 after too many wrong ones.

    Args:
        app: The app behind it.
        key: The key.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(self, app: ASGIApp, key: SecretStr, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._expected = _digest(f"{USER}:{key.get_secret_value()}".encode())
        self._failures = FailureLimit(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> ASGIApp:
        client = scope.get("client")
        address = _network_of(client[0]) if client else ""
        wait = self._failures.wait_s(address)
        if wait:
            sentence = f"Wait {wait} s: too many wrong keys came from this address."
            return PlainTextResponse(sentence, 429, {"Retry-After": str(wait)})
        given = _credentials_of(Headers(scope=scope).get("authorization", ""))
        if given is not None and hmac.compare_digest(_digest(given), self._expected):
            return self._app
        if given is not None:
            self._failures.add(address)
        return PlainTextResponse(f"Sign in as {USER} with the administrators' key.", 401, _CHALLENGE)


class FailureLimit:
    """Counts the wrong keys of each address; a right one is refused too while an address waits.

    Otherwise the answers would tell a guesser which key is right.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failed_at: OrderedDict[str, list[float]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Return for how many seconds an address has to wait; 0 for none."""
        failed_at = self._failed_at.get(address, [])
        if len(failed_at) < MAX_FAILURES:
            return 0
        left = failed_at[-MAX_FAILURES] + _WINDOW_S - self._clock()
        return max(0, int(left) + 1) if left > 0 else 0

    def add(self, address: str) -> None:
        """Count a wrong key."""
        failed_at = self._failed_at.setdefault(address, [])
        failed_at.append(self._clock())
        del failed_at[:-MAX_FAILURES]
        self._failed_at.move_to_end(address)
        if len(self._failed_at) > _MAX_ADDRESSES:
            self._failed_at.popitem(last=False)
        if self.wait_s(address):
            _log.warning("too many wrong administrators' keys came from %s", address)


def _credentials_of(header: str) -> bytes | None:
    """Return ``user:key`` of a header of HTTP Basic; ``None`` if it is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""  # counts as a wrong key


def _digest(credentials: bytes) -> bytes:
    """Return bytes of one length, so that a comparison in constant time does not tell the length."""
    return sha256(credentials).digest()


def _network_of(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.version == 4:  # noqa: PLR2004 - IPv4
        return str(address)
    return str(ip_network((int(address), _IPV6_NETWORK_BITS), strict=False))
