"""The OS keyring as a store: which are refused, and that none can hold a call up."""

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


class Chest(keyring.backend.KeyringBackend):
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


class PlaintextKeyring(Chest):
    """Named like that of keyrings.alt."""


class FromAlt(Chest):
    """As if it came from keyrings.alt."""

    __module__ = "keyrings.alt.file"


class Chain(keyring.backends.chainer.ChainerBackend):
    """A chain that would write into something insecure when the first refuses."""

    backends = (Chest(), FromAlt())


def store(backend: Callable[[], Any], time_limit: float = 20) -> KeyringStore:
    return KeyringStore(time_limit=time_limit, backend=backend)


async def test_texts_of_several_accounts_lie_side_by_side() -> None:
    chest = Chest()
    other = Account("https://other.example", ACCOUNT.user_id)
    keeping = store(lambda: chest)
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
async def test_a_keyring_that_keeps_nothing_or_plain_text_is_refused(backend: type[Any]) -> None:
    assert is_secure(Chest())
    assert not is_secure(backend())
    for operation in [store(backend).check(), store(backend).read(ACCOUNT), store(backend).write(ACCOUNT, "x")]:
        with pytest.raises(errors.StoreUnusable, match="--store file"):
            await operation


async def test_a_keyring_that_does_not_answer_is_given_up() -> None:
    never = threading.Event()
    with pytest.raises(errors.StoreUnusable, match="in time"):
        await store(never.wait, time_limit=0.01).read(ACCOUNT)
    never.set()


@pytest.mark.parametrize("error", [keyring.errors.KeyringLocked, keyring.errors.InitError, OSError, RuntimeError])
async def test_whatever_a_keyring_raises_becomes_one_sentence_without_its_words(error: type[Exception]) -> None:
    def fail() -> None:
        raise error("hunter2")

    with pytest.raises(errors.StoreUnusable) as caught:
        await store(fail).read(ACCOUNT)
    assert "hunter2" not in f"{caught.value} {caught.value.detail}"
    assert caught.value.__cause__ is None
