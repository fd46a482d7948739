"""Chooses the token source that the settings name; an explicit source precedes a stored sign-in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from telecmi_mcp._auth.credentials import Account, Credentials, FileStore, SavedSignIns
from telecmi_mcp._auth.keyring_store import KeyringStore
from telecmi_mcp._auth.token_sources import FixedToken, TokenFile, read_password, replace_hint
from telecmi_mcp._private_files import file_lock

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
    """Return the credential stores by name.

    Args:
        folder: The state folder.
        time_limit: Maximum seconds of one keyring operation.
    """
    return {"keyring": KeyringStore(time_limit=time_limit), "file": FileStore(folder / "secrets.json")}


def open_saved_sign_ins(folder: Path, *, time_limit: float) -> SavedSignIns:
    """Return the stored sign-ins of the state folder."""
    return SavedSignIns(folder, open_stores(folder, time_limit=time_limit))


def login_lock_path(folder: Path) -> Path:
    """Return the file that a process locks while it signs in or out."""
    return folder / "login.lock"


async def has_credential(settings: Settings, state: Path | None) -> bool:
    """Return True if the settings or a stored sign-in have a token, without reading a secret or sending a request."""
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
    """Return the token source: TELECMI_TOKEN, its file, a user id with a password, or a stored sign-in.

    The settings hold at most one explicit source. If it fails, the call fails; no other source is tried.
    """
    if settings.token is not None:
        return FixedToken(settings.token)
    if settings.token_file is not None:
        return TokenFile(settings.token_file, secrets)
    credentials_source = _credentials_source(settings, state, secrets)
    if credentials_source is None:
        return FixedToken(None)
    from telecmi_mcp._auth.login import Login
    from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
    from telecmi_mcp._auth.renewing_token import RenewingToken

    login = Login(channel, RejectedPasswords(state), secrets, timeout=settings.timeout, clock=clock)
    lock = partial(file_lock, None if state is None else login_lock_path(state), timeout_s=settings.timeout)
    return RenewingToken(credentials_source, login, tasks=tasks, lock=lock, clock=clock)


def _credentials_source(
    settings: Settings, state: Path | None, secrets: KnownSecrets
) -> ConfiguredPassword | _SavedSignIn | None:
    if settings.password is not None or settings.password_file is not None:
        return ConfiguredPassword(settings, secrets)
    if state is None:
        return None
    sign_ins = open_saved_sign_ins(state, time_limit=settings.timeout / 2)
    return _SavedSignIn(sign_ins, settings.base_url, settings.user_id, secrets)


class ConfiguredPassword:
    """The user id and the password of the settings; the token stays in memory."""

    def __init__(self, settings: Settings, secrets: KnownSecrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._variable = "TELECMI_PASSWORD" if settings.password is not None else "TELECMI_PASSWORD_FILE"
        self._credentials = Credentials(Account(settings.base_url, settings.user_id))

    def revision(self) -> object:
        """Return ``None``: no other process changes this memory."""
        return None

    async def read(self) -> Credentials:
        """Return the password, read again from its file, and the token of the last login."""
        password = self._settings.password
        if password is None and self._settings.password_file is not None:
            password = await read_password(self._settings.password_file)
        self._secrets.add(password)
        self._credentials = replace(self._credentials, password=password)
        return self._credentials

    async def write(self, credentials: Credentials) -> None:
        """Store the token in memory."""
        self._credentials = credentials

    def with_hint(self, error: errors.TelecmiError) -> errors.TelecmiError:
        """Return the error with a hint that names the variables."""
        return replace_hint(
            error,
            password=f"The user must correct TELECMI_USER_ID or {self._variable}, or run telecmi-mcp login",
            token=f"The user must check TELECMI_USER_ID and {self._variable}",
        )

    @property
    def source(self) -> str:
        """The names of the variables."""
        return f"TELECMI_USER_ID with {self._variable}"


@dataclass(slots=True)
class _SavedSignIn:
    """The stored sign-in of a user, by default of the user who signed in last."""

    sign_ins: SavedSignIns
    base_url: str
    user_id: str
    secrets: KnownSecrets
    store: str = ""

    def revision(self) -> object:
        return self.sign_ins.revision()

    async def read(self) -> Credentials | None:
        credentials = await self.sign_ins.find(self.base_url, self.user_id)
        if credentials is not None:
            self.secrets.add(credentials.token, credentials.password)
            self.store = credentials.store
        return credentials

    async def write(self, credentials: Credentials) -> None:
        await self.sign_ins.update(credentials)

    def with_hint(self, error: errors.TelecmiError) -> errors.TelecmiError:
        hint = "The user must run telecmi-mcp login in a terminal, then try again"
        return replace_hint(error, password=hint, token=hint)

    @property
    def source(self) -> str:
        return f"telecmi-mcp login, in {STORES.get(self.store, 'a store')}"
