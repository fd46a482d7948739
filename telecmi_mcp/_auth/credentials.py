"""Saved sign-ins of ``telecmi-mcp login``: a list without secrets, and the file store of the secrets."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from anyio.to_thread import run_sync
from pydantic import SecretStr

from telecmi_mcp._private_files import read_private, write_private
from telecmi_mcp.errors import CredentialStoreUnusable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """A user at one base URL."""

    base_url: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """Token and password of one account.

    Attributes:
        account: The account.
        token: The user token; ``None`` before the first login.
        issued_at: Unix time at which TeleCMI issued the token.
        password: Renews the token; ``None`` if the user chose not to store it.
        store: Name of the store that holds the secrets; "" for none.
        organisation: Label of the organisation whose users share contacts; "" if the user shares none.
    """

    account: Account
    token: SecretStr | None = None
    issued_at: float = 0.0
    password: SecretStr | None = None
    store: str = ""
    organisation: str = ""


class CredentialStore(Protocol):
    """Store of the secrets of accounts. Every method may raise ``CredentialStoreUnusable``."""

    async def check(self) -> None:
        """Raise ``CredentialStoreUnusable`` unless the store works."""
        ...

    async def read(self, account: Account) -> str | None:
        """Return the stored text of the account."""
        ...

    async def write(self, account: Account, text: str) -> None:
        """Store a text for the account, replacing the previous one."""
        ...

    async def forget(self, account: Account) -> None:
        """Remove the text of the account, if the store has one."""
        ...


class FileStore:
    """Secrets in one file of mode 0600, for machines without a keyring; used only on request."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def check(self) -> None:
        """Raise ``CredentialStoreUnusable`` unless the file can be read and written."""
        await self._write(await self._all())

    async def read(self, account: Account) -> str | None:
        """Return the stored text of the account."""
        return (await self._all()).get(_key(account))

    async def write(self, account: Account, text: str) -> None:
        """Store the text of the account."""
        await self._write({**await self._all(), _key(account): text})

    async def forget(self, account: Account) -> None:
        """Remove the text of the account; remove the file with its last text."""
        texts = await self._all()
        if texts.pop(_key(account), None) is None:
            return
        if texts:
            await self._write(texts)
        else:
            self._path.unlink(missing_ok=True)

    async def _all(self) -> dict[str, str]:
        texts = await run_sync(_read_json, self._path)
        return {str(key): str(text) for key, text in texts.items()} if isinstance(texts, dict) else {}

    async def _write(self, texts: Mapping[str, str]) -> None:
        await run_sync(_write_json, self._path, texts)


class SavedSignIns:
    """The accounts that signed in, the most recent one last. The list itself holds no secret."""

    def __init__(self, folder: Path, stores: Mapping[str, CredentialStore]) -> None:
        self._path = folder / "sign-ins.json"
        self._stores = stores

    def revision(self) -> object:
        """Return a value that differs after every change by any process."""
        try:
            state = os.stat(self._path)  # noqa: PTH116 - every call runs this, and Path.stat takes three times as long
        except OSError:
            return None
        return state.st_mtime_ns, state.st_ino, state.st_size

    async def find(self, base_url: str, user_id: str = "") -> Credentials | None:
        """Return the credentials of the user, by default of the user who signed in last at this base URL.

        Raises:
            CredentialStoreUnusable: The store that holds the credentials does not work.
        """
        for row in reversed(await self._rows()):
            account = Account(row["base_url"], row["user_id"])
            if account.base_url == base_url and user_id in {"", account.user_id} and row["store"] in self._stores:
                text = await self._stores[row["store"]].read(account)
                return None if text is None else unpacked(account, text, row["store"])
        return None

    async def keep(self, credentials: Credentials) -> None:
        """Store the credentials of a new sign-in; its account becomes the most recent one."""
        await self._stores[credentials.store].write(credentials.account, packed(credentials))
        rows = await self._rows()
        for row in rows:
            if _is_of(row, credentials.account) and row["store"] in self._stores and row["store"] != credentials.store:
                with suppress(CredentialStoreUnusable):  # the user may leave this store because it does not work
                    await self._stores[row["store"]].forget(credentials.account)
        others = [row for row in rows if not _is_of(row, credentials.account)]
        await run_sync(_write_json, self._path, [*others, _row(credentials)])

    async def update(self, credentials: Credentials) -> None:
        """Store a renewed token, unless the account was removed meanwhile."""
        rows = await self._rows()
        if _row(credentials) in rows:
            await self._stores[credentials.store].write(credentials.account, packed(credentials))
            await run_sync(_write_json, self._path, rows)  # a new file: other processes see a new revision

    async def forget(self, account: Account) -> bool:
        """Remove the account; return True if it was there."""
        rows = await self._rows()
        known = [row for row in rows if _is_of(row, account)]
        for row in known:
            if row["store"] in self._stores:
                await self._stores[row["store"]].forget(account)
        if known:
            await run_sync(_write_json, self._path, [row for row in rows if row not in known])
        return bool(known)

    async def last_user_id(self, base_url: str) -> str:
        """Return the user who signed in last at this base URL; "" for none."""
        return ("", *await self.user_ids(base_url))[-1]

    async def user_ids(self, base_url: str) -> list[str]:
        """Return the users who signed in at this base URL, the most recent one last, without reading a store."""
        return [row["user_id"] for row in await self._rows() if row["base_url"] == base_url]

    async def _rows(self) -> list[dict[str, str]]:
        rows = await run_sync(_read_json, self._path)
        return [row for row in rows if _is_row(row)] if isinstance(rows, list) else []


def _is_row(row: Any) -> bool:
    names = ("base_url", "user_id", "store")
    return isinstance(row, dict) and all(isinstance(row.get(name), str) for name in names)


def _row(credentials: Credentials) -> dict[str, str]:
    return {
        "base_url": credentials.account.base_url,
        "user_id": credentials.account.user_id,
        "store": credentials.store,
    }


def _is_of(row: Mapping[str, str], account: Account) -> bool:
    return (row["base_url"], row["user_id"]) == (account.base_url, account.user_id)


def _key(account: Account) -> str:
    return f"{account.base_url} {account.user_id}"


def packed(credentials: Credentials) -> str:
    """Return the token and the password as one text for a store."""
    secrets = {"token": credentials.token, "password": credentials.password}
    known = {name: secret.get_secret_value() for name, secret in secrets.items() if secret is not None}
    return json.dumps({"issued_at": credentials.issued_at, **known})


def unpacked(account: Account, text: str, store: str) -> Credentials | None:
    """Return the credentials of a text of ``packed``; ``None`` for any other text."""
    try:
        facts = json.loads(text)
        credentials = Credentials(account, SecretStr(facts["token"]), float(facts["issued_at"]), store=store)
        password = facts.get("password")
    except (ValueError, TypeError, KeyError, AttributeError):
        _log.warning("the credentials in the %s are malformed and ignored", store)
        return None
    return credentials if password is None else replace(credentials, password=SecretStr(str(password)))


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_private(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, RecursionError):
        _log.warning("%s is malformed and treated as empty", path.name)
        return None
    except OSError as why:
        raise _unusable_folder(why) from None


def _write_json(path: Path, value: object) -> None:
    try:
        write_private(path, json.dumps(value, indent=1).encode())
    except OSError as why:
        raise _unusable_folder(why) from None


def _unusable_folder(why: OSError) -> CredentialStoreUnusable:
    return CredentialStoreUnusable(
        hint="Make this user's state folder readable and writable",
        fact="telecmi-mcp stores its sign-ins there",
        detail=type(why).__name__,
    )
