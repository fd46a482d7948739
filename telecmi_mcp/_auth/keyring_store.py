"""Stores secrets in the OS keyring; the only module that imports keyring, which is an extra.

A keyring may ask its user to unlock it, or hang: every deed has a time limit, and a thread that ends with the process.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from telecmi_mcp.errors import StoreUnusable

if TYPE_CHECKING:
    from collections.abc import Callable

    from telecmi_mcp._auth.credentials import Account

_T = TypeVar("_T")

SERVICE = "telecmi-mcp"

# They keep nothing, or keep it where every program can read it.
_REFUSED_MODULES = ("keyring.backends.null", "keyring.backends.fail", "keyrings.alt")


class KeyringStore:
    """Secrets in macOS Keychain, Windows Credential Manager or a Secret Service, one entry an account.

    Args:
        time_limit: Seconds that one deed may take.
        backend: Stands in for the keyring that the system has.
    """

    def __init__(self, *, time_limit: float, backend: Callable[[], Any] | None = None) -> None:
        self._time_limit = time_limit
        self._backend = backend or _system_backend

    async def check(self) -> None:
        """Find out whether there is a keyring that keeps secrets secret."""
        await self._in_time(lambda: self._secure().get_password(SERVICE, "check"))

    async def read(self, account: Account) -> str | None:
        """Return the account's text."""
        text = await self._in_time(lambda: self._secure().get_password(*_place(account)))
        return text if isinstance(text, str) else None

    async def write(self, account: Account, text: str) -> None:
        """Keep the account's text."""
        await self._in_time(lambda: self._secure().set_password(*_place(account), text))

    async def forget(self, account: Account) -> None:
        """Drop the account's text."""

        def operation() -> None:
            keyring = self._secure()
            if keyring.get_password(*_place(account)) is not None:
                keyring.delete_password(*_place(account))

        await self._in_time(operation)

    def _secure(self) -> Any:
        backend = self._backend()
        if not is_secure(backend):
            raise StoreUnusable(hint=_NO_KEYRING, fact="there is no OS keyring here that keeps secrets secret")
        return backend

    async def _in_time(self, operation: Callable[[], _T]) -> _T:
        future: Future[_T] = Future()
        threading.Thread(target=_fulfil, args=(future, operation), name="keyring", daemon=True).start()
        with anyio.move_on_after(self._time_limit):
            return await asyncio.wrap_future(future)
        raise StoreUnusable(fact="the OS keyring did not answer in time")


_NO_KEYRING = "Install a keyring, or run telecmi-mcp login --store file in a terminal"


def is_secure(backend: Any) -> bool:
    """Whether a backend, and each of those that a chain of them asks, keeps secrets where others cannot read them."""
    kind = type(backend)
    if kind.__module__.startswith(_REFUSED_MODULES) or "plaintext" in kind.__name__.lower():
        return False
    return all(is_secure(each) for each in getattr(backend, "backends", ()))


def _place(account: Account) -> tuple[str, str]:
    return f"{SERVICE} {account.base_url}", account.user_id


def _system_backend() -> Any:
    try:
        import keyring  # an extra, and slow: only where a sign-in is kept in it
    except ImportError:
        raise StoreUnusable(
            hint="Install telecmi-mcp[keyring], or run telecmi-mcp login --store file in a terminal",
            fact="the part that talks to the OS keyring is not installed",
        ) from None
    return keyring.get_keyring()


def _fulfil(future: Future[_T], operation: Callable[[], _T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(operation())
    except StoreUnusable as error:
        future.set_exception(error)
    except Exception as error:  # noqa: BLE001 - each backend has its own, and their words may hold anything
        future.set_exception(StoreUnusable(detail=type(error).__name__))
