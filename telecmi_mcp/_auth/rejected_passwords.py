"""Remembers salted hashes of passwords that TeleCMI refused, so that none is sent again unattended."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from anyio.to_thread import run_sync

from telecmi_mcp._private_files import read_private, write_private
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from telecmi_mcp._auth.credentials import Account

_log = logging.getLogger(__name__)

_SALT_BYTES = 16
KEPT = 20
"""How many marks of an account are kept: more passwords nobody tries on one before it is locked."""


class PasswordHashes(Protocol):
    """Keeps the salted hashes of an account's passwords for the processes after this one. All methods block."""

    def read(self, account: Account) -> list[str]:
        """Return those that are kept, the oldest first."""
        ...

    def add(self, account: Account, mark: str) -> None:
        """Keep one more."""
        ...

    def forget(self, account: Account) -> None:
        """Keep none of the account."""
        ...


class RejectedPasswords:
    """Which passwords of which accounts were refused: in this process, and where they are kept for those after it.

    scrypt (RFC 7914) makes guessing a password from what is kept expensive: 16 MiB and some 50 ms a guess.

    Args:
        kept: A folder for the files of the desk, or another place; ``None`` for this process alone.
    """

    def __init__(self, kept: Path | PasswordHashes | None) -> None:
        self._kept = FilePasswordHashes(kept) if isinstance(kept, Path) else kept
        self._marks: dict[Account, list[str]] = {}

    async def knows(self, account: Account, password: SecretStr) -> bool:
        """Whether this password was refused since something was last changed."""
        return await run_sync(self._knows, account, password)

    async def note(self, account: Account, password: SecretStr) -> None:
        """Remember that this password was refused. Where the place does not work, only this process knows."""
        await run_sync(self._note, account, password)

    async def forget(self, account: Account) -> None:
        """Remember nothing of the account: its user signed in, or signed out."""
        await run_sync(self._forget, account)

    def _knows(self, account: Account, password: SecretStr) -> bool:
        kept = self._kept.read(account) if self._kept is not None else []
        marks = dict.fromkeys([*self._marks.get(account, []), *kept])
        return any(hmac.compare_digest(mark, _mark(account, password, mark)) for mark in marks)

    def _note(self, account: Account, password: SecretStr) -> None:
        mark = _mark(account, password, secrets.token_hex(_SALT_BYTES))
        self._marks.setdefault(account, []).append(mark)
        if self._kept is not None:
            self._kept.add(account, mark)

    def _forget(self, account: Account) -> None:
        self._marks.pop(account, None)
        if self._kept is not None:
            self._kept.forget(account)


class FilePasswordHashes:
    """Marks in the files of a folder, one for each account."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, account: Account) -> list[str]:
        """Return what is in the account's file; nothing, where it cannot be read."""
        try:
            marks = json.loads(read_private(self._path(account)))
        except (OSError, ValueError, RecursionError, ConfigurationError):
            return []
        return [str(mark) for mark in marks if str(mark).isascii()] if isinstance(marks, list) else []

    def add(self, account: Account, mark: str) -> None:
        """Write it into the account's file; where that fails, say so in the log."""
        try:
            write_private(self._path(account), json.dumps([*self.read(account), mark][-KEPT:]).encode())
        except OSError as why:
            _log.warning("a refused password is remembered in this process only: %s", type(why).__name__)

    def forget(self, account: Account) -> None:
        """Remove the account's file; where that fails, say so in the log."""
        try:
            self._path(account).unlink(missing_ok=True)
        except OSError as why:
            _log.warning("a refused password stays remembered: %s", type(why).__name__)

    def _path(self, account: Account) -> Path:
        name = hashlib.sha256(f"{account.base_url} {account.user_id}".encode()).hexdigest()[:16]
        return self._folder / f"refused-{name}.json"


def _mark(account: Account, password: SecretStr, salt: str) -> str:
    """The salt (or the salt of another mark) and the hash of what was sent with it."""
    salt = salt.partition(":")[0]
    sent = f"{account.base_url} {account.user_id} {password.get_secret_value()}"
    return f"{salt}:{hashlib.scrypt(sent.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()}"
