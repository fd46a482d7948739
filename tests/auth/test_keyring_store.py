"""The OS keyring as a store: insecure ones are rejected, and none blocks a call."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import keyring.backend
import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import keyring.errors
import pytest

from sign_in import ACCOUNT
from telecmi_mcp import errors
from telecmi_mcp._auth.credentials import Account
from telecmi_mcp._auth.keyring_store import KeyringStore, is_secure

if TYPE_CHECKING:
    from collections.abc import Callable


class MemoryKeyring(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring's own
        self.things: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.things.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.things[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.things[service, username]


class PlaintextKeyring(MemoryKeyring):
    """Has the name of a keyring of keyrings.alt."""


class FromAlt(MemoryKeyring):
    """Has the module of a keyring of keyrings.alt."""

    __module__ = "keyrings.alt.file"


class Chain(keyring.backends.chainer.ChainerBackend):
    """A chain that would use an insecure keyring if the first one fails."""

    backends = (MemoryKeyring(), FromAlt())


def store(backend: Callable[[], Any], time_limit: float = 20) -> KeyringStore:
    return KeyringStore(time_limit=time_limit, backend=backend)


async def test_each_account_has_a_text_of_its_own() -> None:
    memory_keyring = MemoryKeyring()
    other = Account("https://other.example", ACCOUNT.user_id)
    keeping = store(lambda: memory_keyring)
    await keeping.check()
    await keeping.write(ACCOUNT, "one")
    await keeping.write(other, "other")
    assert [await keeping.read(each) for each in (ACCOUNT, other)] == ["one", "other"]
    await keeping.forget(ACCOUNT)
    await keeping.forget(ACCOUNT)
    assert [await keeping.read(each) for each in (ACCOUNT, other)] == [None, "other"]


@pytest.mark.parametrize(
    "backend", [keyring.backends.null.Keyring, keyring.backends.fail.Keyring, PlaintextKeyring, FromAlt, Chain]
)
async def test_a_keyring_that_stores_nothing_or_plain_text_is_rejected(backend: type[Any]) -> None:
    assert is_secure(MemoryKeyring())
    assert not is_secure(backend())
    for operation in [store(backend).check(), store(backend).read(ACCOUNT), store(backend).write(ACCOUNT, "x")]:
        with pytest.raises(errors.CredentialStoreUnusable, match="--store file"):
            await operation


async def test_a_hanging_keyring_ends_at_the_time_limit() -> None:
    never = threading.Event()
    with pytest.raises(errors.CredentialStoreUnusable, match="in time"):
        await store(never.wait, time_limit=0.01).read(ACCOUNT)
    never.set()


@pytest.mark.parametrize("error", [keyring.errors.KeyringLocked, keyring.errors.InitError, OSError, RuntimeError])
async def test_every_error_of_a_keyring_becomes_one_sentence_without_its_text(error: type[Exception]) -> None:
    def fail() -> None:
        raise error("hunter2")

    with pytest.raises(errors.CredentialStoreUnusable) as caught:
        await store(fail).read(ACCOUNT)
    assert "hunter2" not in f"{caught.value} {caught.value.detail}"
    assert caught.value.__cause__ is None
