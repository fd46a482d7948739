"""Stores secrets in the OS keyring; the only module that imports keyring, which is an extra.

A keyring may ask its user to unlock it, or hang. Each operation has a time limit and runs in a daemon thread.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from telecmi_mcp._config.distribution import requirement
from telecmi_mcp.errors import CredentialStoreUnusable

if TYPE_CHECKING:
    from collections.abc import Callable

    from telecmi_mcp._auth.credentials import Account

_T = TypeVar("_T")

SERVICE = "telecmi-mcp"

# These backends store nothing, or store secrets where every program can read them.
_REFUSED_MODULES = ("keyring.backends.null", "keyring.backends.fail", "keyrings.alt")


class KeyringStore:
    """Secrets in macOS Keychain, Windows Credential Manager or a Secret Service, one entry for each account.

    Args:
        time_limit: Maximum seconds of one operation.
        backend: Returns a keyring to use instead of the system's.
    """

    def __init__(self, *, time_limit: float, backend: Callable[[], Any] | None = None) -> None:
        self._time_limit = time_limit
        self._backend = backend or _system_backend

    async def check(self) -> None:
        """Raise ``CredentialStoreUnusable`` unless the system has a secure keyring."""
        await self._in_time(lambda: self._secure().get_password(SERVICE, "check"))

    async def read(self, account: Account) -> str | None:
        """Return the stored text of the account."""
        text = await self._in_time(lambda: self._secure().get_password(*_place(account)))
        return text if isinstance(text, str) else None

    async def write(self, account: Account, text: str) -> None:
        """Store the text of the account."""
        await self._in_time(lambda: self._secure().set_password(*_place(account), text))

    async def forget(self, account: Account) -> None:
        """Remove the text of the account."""

        def operation() -> None:
            keyring = self._secure()
            if keyring.get_password(*_place(account)) is not None:
                keyring.delete_password(*_place(account))

        await self._in_time(operation)

    def _secure(self) -> Any:
        backend = self._backend()
        if not is_secure(backend):
            raise CredentialStoreUnusable(hint=_NO_KEYRING, fact="this system has no secure OS keyring")
        return backend

    async def _in_time(self, operation: Callable[[], _T]) -> _T:
        future: Future[_T] = Future()
        threading.Thread(target=_fulfil, args=(future, operation), name="keyring", daemon=True).start()
        with anyio.move_on_after(self._time_limit):
            return await asyncio.wrap_future(future)
        raise CredentialStoreUnusable(fact="the OS keyring did not answer in time")


_NO_KEYRING = "Install a keyring, or run telecmi-mcp login --store file in a terminal"


def is_secure(backend: Any) -> bool:
    """Return True if a backend, and each backend of a chain, stores secrets where other programs cannot read them."""
    kind = type(backend)
    if kind.__module__.startswith(_REFUSED_MODULES) or "plaintext" in kind.__name__.lower():
        return False
    return all(is_secure(each) for each in getattr(backend, "backends", ()))


def _place(account: Account) -> tuple[str, str]:
    return f"{SERVICE} {account.base_url}", account.user_id


def _system_backend() -> Any:
    try:
        import keyring
    except ImportError:
        raise CredentialStoreUnusable(
            hint=f"Install {requirement('keyring')}, or run telecmi-mcp login --store file in a terminal",
            fact="the Python package keyring is not installed",
        ) from None
    return keyring.get_keyring()


def _fulfil(future: Future[_T], operation: Callable[[], _T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(operation())
    except CredentialStoreUnusable as error:
        future.set_exception(error)
    except Exception as error:  # noqa: BLE001 - each backend has its own errors, whose texts may hold a secret
        future.set_exception(CredentialStoreUnusable(detail=type(error).__name__))
