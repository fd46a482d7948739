"""Passwords that TeleCMI refused: remembered, as salted hashes, so that none is sent again by itself."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync

from telecmi_mcp._state import read_private, write_private
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

    from telecmi_mcp._sign_ins import Account

_log = logging.getLogger(__name__)

_SALT_BYTES = 16
_KEPT = 20  # more passwords than these nobody tries on one account before it is locked


class Refusals:
    """Which passwords of which accounts were refused: in this process, and in the folder for those after it.

    scrypt (RFC 7914) makes guessing a password from the folder expensive: 16 MiB and some 50 ms a guess.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._marks: dict[Account, list[str]] = {}

    async def knows(self, account: Account, password: SecretStr) -> bool:
        """Whether this password was refused since something was last changed."""
        return await run_sync(self._knows, account, password)

    async def note(self, account: Account, password: SecretStr) -> None:
        """Remember that this password was refused. Where the folder does not work, only this process knows."""
        await run_sync(self._note, account, password)

    async def forget(self, account: Account) -> None:
        """Remember nothing of the account: its user signed in, or signed out."""
        await run_sync(self._forget, account)

    def _knows(self, account: Account, password: SecretStr) -> bool:
        marks = dict.fromkeys([*self._marks.get(account, []), *self._read(account)])
        return any(hmac.compare_digest(mark, _mark(account, password, mark)) for mark in marks)

    def _note(self, account: Account, password: SecretStr) -> None:
        mark = _mark(account, password, secrets.token_hex(_SALT_BYTES))
        self._marks.setdefault(account, []).append(mark)
        path = self._path(account)
        if path is None:
            return
        try:
            write_private(path, json.dumps([*self._read(account), mark][-_KEPT:]).encode())
        except OSError as why:
            _log.warning("a refused password is remembered in this process only: %s", type(why).__name__)

    def _forget(self, account: Account) -> None:
        self._marks.pop(account, None)
        path = self._path(account)
        try:
            if path is not None:
                path.unlink(missing_ok=True)
        except OSError as why:
            _log.warning("a refused password stays remembered: %s", type(why).__name__)

    def _read(self, account: Account) -> list[str]:
        path = self._path(account)
        try:
            marks = json.loads(read_private(path)) if path is not None else []
        except (OSError, ValueError, RecursionError, ConfigurationError):
            return []
        return [str(mark) for mark in marks if str(mark).isascii()] if isinstance(marks, list) else []

    def _path(self, account: Account) -> Path | None:
        if self._folder is None:
            return None
        name = hashlib.sha256(f"{account.base_url} {account.user_id}".encode()).hexdigest()[:16]
        return self._folder / f"refused-{name}.json"


def _mark(account: Account, password: SecretStr, salt: str) -> str:
    """The salt (or the salt of another mark) and the hash of what was sent with it."""
    salt = salt.partition(":")[0]
    sent = f"{account.base_url} {account.user_id} {password.get_secret_value()}"
    return f"{salt}:{hashlib.scrypt(sent.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()}"
