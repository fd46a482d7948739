"""Chooses the token source that the settings name; an explicit source goes before a discovered one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from telecmi_mcp._auth.credentials import Account, Credentials, FileStore, SavedSignIns
from telecmi_mcp._auth.keyring_store import KeyringStore
from telecmi_mcp._auth.token_sources import FixedToken, TokenFile, advised, read_password
from telecmi_mcp._private_files import held_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from anyio.abc import TaskGroup

    from telecmi_mcp import errors
    from telecmi_mcp._api.http import Channel
    from telecmi_mcp._api.token_source import TokenSource
    from telecmi_mcp._auth.credentials import CredentialStore
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._config.settings import Settings

STORES = {"keyring": "the OS keyring", "file": "a file of mode 0600"}


def open_stores(folder: Path, *, time_limit: float) -> dict[str, CredentialStore]:
    """Return the stores by their names.

    Args:
        folder: The state folder.
        time_limit: Seconds that the keyring may take for one deed.
    """
    return {"keyring": KeyringStore(time_limit=time_limit), "file": FileStore(folder / "secrets.json")}


def open_saved_sign_ins(folder: Path, *, time_limit: float) -> SavedSignIns:
    """Return what ``telecmi-mcp login`` keeps in the folder and the stores."""
    return SavedSignIns(folder, open_stores(folder, time_limit=time_limit))


def lock_of(folder: Path) -> Path:
    """Return the file that whoever signs in or out holds a lock on."""
    return folder / "login.lock"


async def has_credential(settings: Settings, state: Path | None) -> bool:
    """Whether somebody has signed in or is configured to, without looking at a secret or asking TeleCMI."""
    explicit = (settings.token, settings.token_file, settings.password, settings.password_file)
    if any(each is not None for each in explicit):
        return True
    if state is None:
        return False
    return bool(await open_saved_sign_ins(state, time_limit=settings.timeout / 2).last_user_id(settings.base_url))


def choose_source(
    settings: Settings,
    channel: Channel,
    *,
    state: Path | None,
    secrets: KnownSecrets,
    tasks: TaskGroup,
    clock: Callable[[], float],
) -> TokenSource:
    """Return the source of tokens: TELECMI_TOKEN, its file, a user id with a password, what a login kept.

    The settings hold at most one of the explicit ones. What fails with it is told, and no other is tried.
    """
    if settings.token is not None:
        return FixedToken(settings.token)
    if settings.token_file is not None:
        return TokenFile(settings.token_file, secrets)
    credentials_source = _credentials_source(settings, state, secrets)
    if credentials_source is None:
        return FixedToken(None)
    from telecmi_mcp._auth.login import Login  # a token that is given needs none of this
    from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
    from telecmi_mcp._auth.renewing_token import RenewedToken

    login = Login(channel, RejectedPasswords(state), secrets, timeout=settings.timeout, clock=clock)
    lock = partial(held_lock, None if state is None else lock_of(state), patience=settings.timeout)
    return RenewedToken(credentials_source, login, tasks=tasks, lock=lock, clock=clock)


def _credentials_source(
    settings: Settings, state: Path | None, secrets: KnownSecrets
) -> GivenPassword | _KeptSignIn | None:
    if settings.password is not None or settings.password_file is not None:
        return GivenPassword(settings, secrets)
    if state is None:
        return None
    sign_ins = open_saved_sign_ins(state, time_limit=settings.timeout / 2)
    return _KeptSignIn(sign_ins, settings.base_url, settings.user_id, secrets)


class GivenPassword:
    """A user id and a password of the configuration; the token is kept nowhere."""

    def __init__(self, settings: Settings, secrets: KnownSecrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._variable = "TELECMI_PASSWORD" if settings.password is not None else "TELECMI_PASSWORD_FILE"
        self._grant = Credentials(Account(settings.base_url, settings.user_id))

    def stamp(self) -> object:
        """Return ``None``: nobody else changes what is in memory."""
        return None

    async def read(self) -> Credentials:
        """Return the password as it is configured now, and the token that it bought."""
        password = self._settings.password
        if password is None and self._settings.password_file is not None:
            password = await read_password(self._settings.password_file)
        self._secrets.add(password)
        self._grant = replace(self._grant, password=password)
        return self._grant

    async def write(self, credentials: Credentials) -> None:
        """Keep the token in memory."""
        self._grant = credentials

    def tell(self, error: errors.TelecmiError) -> errors.TelecmiError:
        """Name the variables."""
        return advised(
            error,
            password=f"The user must correct TELECMI_USER_ID or {self._variable}, or run telecmi-mcp login",
            token=f"The user must check TELECMI_USER_ID and {self._variable}",
        )

    @property
    def source(self) -> str:
        """Name them too."""
        return f"TELECMI_USER_ID with {self._variable}"


@dataclass(slots=True)
class _KeptSignIn:
    """What ``telecmi-mcp login`` kept for a user, by default for the last who signed in."""

    sign_ins: SavedSignIns
    base_url: str
    user_id: str
    secrets: KnownSecrets
    store: str = ""

    def stamp(self) -> object:
        return self.sign_ins.stamp()

    async def read(self) -> Credentials | None:
        credentials = await self.sign_ins.find(self.base_url, self.user_id)
        if credentials is not None:
            self.secrets.add(credentials.token, credentials.password)
            self.store = credentials.store
        return credentials

    async def write(self, credentials: Credentials) -> None:
        await self.sign_ins.update(credentials)

    def tell(self, error: errors.TelecmiError) -> errors.TelecmiError:
        hint = "The user must run telecmi-mcp login in a terminal, then try again"
        return advised(error, password=hint, token=hint)

    @property
    def source(self) -> str:
        return f"telecmi-mcp login, in {STORES.get(self.store, 'a store')}"
