"""Remembers salted hashes of the passwords that TeleCMI rejected, so that no process sends one again unattended."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from anyio.to_thread import run_sync

from telecmi_mcp._private_files import read_private_json, write_private

if TYPE_CHECKING:
    from pydantic import SecretStr

    from telecmi_mcp._auth.credentials import Account

_log = logging.getLogger(__name__)

_SALT_BYTES = 16
MAX_HASHES = 20
"""Maximum number of hashes of one account. TeleCMI locks an account after fewer wrong passwords."""


class PasswordHashes(Protocol):
    """Store of the salted hashes of an account's rejected passwords, shared with other processes. All methods block."""

    def read(self, account: Account) -> list[str]:
        """Return the stored hashes, the oldest first."""
        ...

    def add(self, account: Account, password_hash: str) -> None:
        """Store one more hash."""
        ...

    def forget(self, account: Account) -> None:
        """Remove all hashes of the account."""
        ...


class RejectedPasswords:
    """The rejected passwords of each account, in this process and in a store that other processes share.

    scrypt (RFC 7914) makes it expensive to guess a password from its hash: 16 MiB and some 50 ms for each guess.

    Args:
        store: A folder for files, or another store; ``None`` remembers in this process only.
    """

    def __init__(self, store: Path | PasswordHashes | None) -> None:
        self._store = FilePasswordHashes(store) if isinstance(store, Path) else store
        self._hashes: dict[Account, list[str]] = {}

    async def knows(self, account: Account, password: SecretStr) -> bool:
        """Return True if this password was rejected after the last successful login of the account."""
        return await run_sync(self._knows, account, password)

    async def note(self, account: Account, password: SecretStr) -> None:
        """Remember that TeleCMI rejected this password."""
        password_hash = await run_sync(_hash, account, password, secrets.token_hex(_SALT_BYTES))
        self._hashes.setdefault(account, []).append(password_hash)
        if self._store is not None:
            await run_sync(self._store.add, account, password_hash)

    async def forget(self, account: Account) -> None:
        """Remove all hashes of the account, because its user signed in or signed out."""
        self._hashes.pop(account, None)
        if self._store is not None:
            await run_sync(self._store.forget, account)

    def _knows(self, account: Account, password: SecretStr) -> bool:
        stored = self._store.read(account) if self._store is not None else []
        hashes = dict.fromkeys([*self._hashes.get(account, []), *stored])
        return any(hmac.compare_digest(each, _hash(account, password, each.partition(":")[0])) for each in hashes)


class FilePasswordHashes:
    """Hashes in the files of a folder, one file for each account. A failed write or removal is only logged."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, account: Account) -> list[str]:
        hashes = read_private_json(self._path(account))
        return [str(each) for each in hashes if str(each).isascii()] if isinstance(hashes, list) else []

    def add(self, account: Account, password_hash: str) -> None:
        hashes = [*self.read(account), password_hash][-MAX_HASHES:]
        try:
            write_private(self._path(account), json.dumps(hashes).encode())
        except OSError as why:
            _log.warning("a rejected password is remembered in this process only: %s", type(why).__name__)

    def forget(self, account: Account) -> None:
        try:
            self._path(account).unlink(missing_ok=True)
        except OSError as why:
            _log.warning("the hash of a rejected password could not be removed: %s", type(why).__name__)

    def _path(self, account: Account) -> Path:
        name = hashlib.sha256(f"{account.base_url} {account.user_id}".encode()).hexdigest()[:16]
        return self._folder / f"refused-{name}.json"


def _hash(account: Account, password: SecretStr, salt: str) -> str:
    sent = f"{account.base_url} {account.user_id} {password.get_secret_value()}"
    return f"{salt}:{hashlib.scrypt(sent.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()}"
