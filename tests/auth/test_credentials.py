"""Saved sign-ins and private files: permissions, atomic writes, malformed files, locks."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest
from pydantic import SecretStr

from sign_in import ACCOUNT, HERE, SignInSetup
from telecmi_mcp import errors
from telecmi_mcp._auth.credentials import Account, Credentials, FileStore, SavedSignIns
from telecmi_mcp._auth.resolve import open_saved_sign_ins
from telecmi_mcp._private_files import file_lock, read_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="a file has no mode there")


@posix
def test_write_private_creates_a_private_file_and_leaves_no_partial_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "new" / "file", b"1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / "file").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]


def test_a_failed_write_leaves_the_previous_content(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(OSError, match="taken"):
        write_private(tmp_path / "taken", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def modes_and_secret_files(folder: Path) -> tuple[set[int], list[str]]:
    """Return the modes of the files, and the names of the files that hold a secret."""
    paths = list(folder.iterdir())
    assert len(paths) == 2
    return {stat.S_IMODE(path.stat().st_mode) for path in paths}, [
        path.name for path in paths if b"hunter2" in path.read_bytes()
    ]


@posix
async def test_only_the_secrets_file_holds_a_secret_and_every_file_has_mode_0600(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(SecretStr("token-hunter2"), password="hunter2")
    modes, holding = modes_and_secret_files(tmp_path)
    assert (modes, holding) == ({0o600}, ["secrets.json"])


async def test_a_saved_sign_in_is_read_back_unchanged(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    for password in [None, "päss word"]:
        assert await setup.keep(SecretStr("t"), password=password) == await setup.kept()


async def test_removing_a_user_leaves_the_others(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(user_id="1_1")
    await setup.keep()
    sign_ins = open_saved_sign_ins(tmp_path, time_limit=5)
    assert await sign_ins.forget(ACCOUNT)
    assert not await sign_ins.forget(ACCOUNT)
    assert await sign_ins.last_user_id(HERE) == "1_1"
    assert await sign_ins.find(HERE, ACCOUNT.user_id) is None
    assert (await FileStore(tmp_path / "secrets.json").read(ACCOUNT)) is None


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def make_sign_ins(folder: Path) -> SavedSignIns:
    return SavedSignIns(folder, {"file": FileStore(folder / "secrets.json")})


async def test_a_file_store_forgets_one_account_and_removes_its_file_with_the_last(tmp_path: Path) -> None:
    store, other = FileStore(tmp_path / "secrets.json"), Account(HERE, "1_1")
    await store.write(ACCOUNT, "ours")
    await store.write(other, "theirs")
    await store.forget(Account(HERE, "unknown"))
    await store.forget(ACCOUNT)
    assert (await store.read(ACCOUNT), await store.read(other)) == (None, "theirs")
    await store.forget(other)
    assert names_in(tmp_path) == []
    await store.forget(other)


async def test_a_renewed_token_replaces_the_stored_one_and_other_processes_see_it(tmp_path: Path) -> None:
    sign_ins, first = make_sign_ins(tmp_path), Credentials(ACCOUNT, SecretStr("first"), 5.0, store="file")
    await sign_ins.keep(replace(first, account=Account(HERE, "1_1")))
    await sign_ins.keep(first)
    revision = sign_ins.revision()
    await sign_ins.update(replace(first, token=SecretStr("second"), issued_at=9.0))
    assert sign_ins.revision() != revision
    found = await sign_ins.find(HERE)
    assert found == Credentials(ACCOUNT, SecretStr("second"), 9.0, store="file")
    assert await sign_ins.user_ids(HERE) == ["1_1", ACCOUNT.user_id]


class _BrokenStore(FileStore):
    """A store that keeps its texts."""

    async def forget(self, account: Account) -> None:  # noqa: ARG002 - the protocol requires the argument
        raise errors.CredentialStoreUnusable


async def test_a_sign_in_with_another_store_succeeds_although_the_previous_store_is_broken(tmp_path: Path) -> None:
    stores = {"broken": _BrokenStore(tmp_path / "broken.json"), "file": FileStore(tmp_path / "secrets.json")}
    sign_ins = SavedSignIns(tmp_path, stores)
    for store in stores:
        await sign_ins.keep(Credentials(ACCOUNT, SecretStr(f"token-in-{store}"), store=store))
    found = await sign_ins.find(HERE)
    assert found == Credentials(ACCOUNT, SecretStr("token-in-file"), store="file")
    assert await sign_ins.user_ids(HERE) == [ACCOUNT.user_id]


async def test_a_renewed_token_of_a_removed_account_is_not_stored(tmp_path: Path) -> None:
    sign_ins, first = make_sign_ins(tmp_path), Credentials(ACCOUNT, SecretStr("first"), 5.0, store="file")
    await sign_ins.keep(first)
    await sign_ins.forget(ACCOUNT)
    await sign_ins.update(first)
    assert await sign_ins.find(HERE) is None
    assert names_in(tmp_path) == ["sign-ins.json"]


async def test_the_last_user_is_the_one_who_signed_in_most_recently_at_this_address(tmp_path: Path) -> None:
    sign_ins = make_sign_ins(tmp_path)
    assert await sign_ins.last_user_id(HERE) == ""
    for base_url, user_id in [(HERE, "1_1"), (HERE, "2_2"), (HERE, "3_3"), ("https://other.example", "4_4")]:
        await sign_ins.keep(Credentials(Account(base_url, user_id), SecretStr("t"), store="file"))
    assert await sign_ins.last_user_id(HERE) == "3_3"


async def test_malformed_credentials_are_ignored_and_their_store_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sign_ins = make_sign_ins(tmp_path)
    await sign_ins.keep(Credentials(ACCOUNT, SecretStr("hunter2"), store="file"))
    await FileStore(tmp_path / "secrets.json").write(ACCOUNT, json.dumps({"token": "hunter2"}))
    with caplog.at_level(logging.WARNING, logger="telecmi_mcp"):
        assert await sign_ins.find(HERE) is None
    assert caplog.messages == ["the credentials in the file are malformed and ignored"]


@pytest.mark.parametrize("broken", [b"", b"{", b"[[]]", b"7", b"\xff", b"[" * 100_000, b'[{"base_url": 1}]'])
@pytest.mark.parametrize("name", ["sign-ins.json", "secrets.json"])
async def test_a_malformed_file_counts_as_empty_and_a_sign_in_replaces_it(
    tmp_path: Path, name: str, broken: bytes
) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep()
    (tmp_path / name).write_bytes(broken)
    assert await setup.kept() is None
    await setup.keep()
    assert await setup.kept() is not None


@posix
async def test_a_store_that_other_users_can_read_is_rejected_with_the_chmod_command(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep()
    (tmp_path / "secrets.json").chmod(0o644)
    with pytest.raises(errors.ConfigurationError, match=r"Run chmod 600 .*secrets\.json"):
        await setup.kept()


async def test_an_unusable_state_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.CredentialStoreUnusable) as caught:
        await SignInSetup(tmp_path / "file" / "below").keep()
    sentence = "Make this user's state folder readable and writable: telecmi-mcp stores its sign-ins there."
    assert str(caught.value) == sentence
    assert caught.value.detail.endswith("Error")
    assert await SignInSetup(tmp_path / "file" / "below").kept() is None


async def test_a_second_process_waits_for_the_lock(tmp_path: Path) -> None:
    released = anyio.Event()
    naps = 0

    async def nap(_: float) -> None:
        nonlocal naps
        naps += 1
        await first.aclose()
        released.set()

    with anyio.fail_after(30):
        first = AsyncExitStack()
        await first.enter_async_context(file_lock(tmp_path / "lock", timeout_s=5))
        async with file_lock(tmp_path / "lock", timeout_s=5, sleep=nap):
            assert (released.is_set(), naps) == (True, 1)


async def test_waiting_for_a_lock_ends_at_the_timeout(tmp_path: Path) -> None:
    async with file_lock(tmp_path / "lock", timeout_s=1):
        with pytest.raises(errors.DeadlineExceeded):
            async with file_lock(tmp_path / "lock", timeout_s=0.01):
                pytest.fail("held by two")


async def test_without_a_usable_folder_nothing_is_locked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in [None, tmp_path / "file" / "lock"]:
        async with file_lock(path, timeout_s=1), file_lock(path, timeout_s=1):
            pass


def test_read_private_reads_at_most_one_mebibyte(tmp_path: Path) -> None:
    write_private(tmp_path / "file", b"x" * 2_000_000)
    assert len(read_private(tmp_path / "file")) == 1024 * 1024
