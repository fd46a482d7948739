"""Stores one access key for each origin, in the OS keyring or in a private file, as stored sign-ins are stored."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import anyio

from telecmi_mcp._auth.credentials import Account, Credentials
from telecmi_mcp._auth.resolve import login_lock_path, open_saved_sign_ins, open_stores
from telecmi_mcp._private_files import file_lock
from telecmi_mcp.errors import CredentialStoreUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import SecretStr

    from telecmi_mcp._config.secrets import KnownSecrets

KEYRING_TIMEOUT_S = 60.0
"""Maximum seconds of one operation of a keyring, which may ask the user to unlock it."""

_USER = "access key"
_LOCK_TIMEOUT_S = 30.0


class AccessKeys:
    """Access keys of this user.

    Args:
        state: State folder; the keys have a folder of their own in it.
        time_limit: Maximum seconds of one operation of a keyring.
    """

    def __init__(self, state: Path, *, time_limit: float = KEYRING_TIMEOUT_S) -> None:
        self._folder = state / "connect"
        self._time_limit = time_limit
        self._saved = open_saved_sign_ins(self._folder, time_limit=time_limit)

    def revision(self) -> object:
        """Return a value that differs after a key was stored or removed."""
        return self._saved.revision()

    async def check_store(self, store: str) -> None:
        """Raise ``CredentialStoreUnusable`` unless the store works."""
        with _own_command_in_hint():
            await open_stores(self._folder, time_limit=self._time_limit)[store].check()

    async def find(self, origin: str) -> SecretStr | None:
        """Return the key of an origin; ``None`` if there is none.

        Raises:
            CredentialStoreUnusable: The store of the key does not work.
        """
        with _own_command_in_hint():
            credentials = await self._saved.find(origin, _USER)
        return None if credentials is None else credentials.token

    async def is_stored(self, origin: str) -> bool:
        """Return True if an origin has a key, without reading it."""
        with suppress(CredentialStoreUnusable):
            return bool(await self._saved.user_ids(origin))
        return False

    async def keep(self, origin: str, key: SecretStr, store: str) -> None:
        """Store a key; remove the previous one from the other store."""
        with _own_command_in_hint():
            async with file_lock(login_lock_path(self._folder), timeout_s=_LOCK_TIMEOUT_S):
                await self._saved.keep(Credentials(Account(origin, _USER), key, store=store))

    async def forget(self, origin: str) -> bool:
        """Remove the key of an origin; return True if there was one."""
        with _own_command_in_hint():
            async with file_lock(login_lock_path(self._folder), timeout_s=_LOCK_TIMEOUT_S):
                return await self._saved.forget(Account(origin, _USER))


class CurrentKey:
    """The access key of one origin, read again after a command has changed the stored keys.

    Args:
        keys: The stored keys.
        origin: The origin.
        secrets: Gets each key, so that the log can hide it.
    """

    def __init__(self, keys: AccessKeys, origin: str, secrets: KnownSecrets) -> None:
        self._keys = keys
        self._origin = origin
        self._secrets = secrets
        self._revision: object = self  # no revision equals it
        self._key: SecretStr | None = None
        self._reading = anyio.Lock()

    async def read(self) -> SecretStr | None:
        """Return the key; ``None`` if none is stored.

        Raises:
            CredentialStoreUnusable: The store of the key does not work.
        """
        async with self._reading:
            revision = self._keys.revision()
            if revision != self._revision:
                self._key = await self._keys.find(self._origin)
                self._secrets.add(self._key)
                self._revision = revision
            return self._key


@contextmanager
def _own_command_in_hint() -> Iterator[None]:
    try:
        yield
    except CredentialStoreUnusable as error:
        hint = error.hint.replace("telecmi-mcp login", "telecmi-mcp connect URL --login")
        raise CredentialStoreUnusable(hint=hint, fact=error.fact, detail=error.detail) from None
