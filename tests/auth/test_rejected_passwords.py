"""The rejected passwords: each account has its own, and what the file holds cannot break a login."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from sign_in import ACCOUNT, HERE
from telecmi_mcp._auth.credentials import Account
from telecmi_mcp._auth.rejected_passwords import FilePasswordHashes, RejectedPasswords

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = SecretStr("hunter2")
OTHER = Account(HERE, "1_1")


async def test_a_sign_in_of_one_account_forgets_nothing_of_another_account(tmp_path: Path) -> None:
    first = RejectedPasswords(tmp_path)
    await first.note(ACCOUNT, PASSWORD)
    await first.note(OTHER, PASSWORD)
    await first.forget(ACCOUNT)
    next_process = RejectedPasswords(tmp_path)
    assert not await next_process.knows(ACCOUNT, PASSWORD)
    assert await next_process.knows(OTHER, PASSWORD)


async def test_without_a_folder_a_password_is_known_until_its_user_signs_in() -> None:
    rejected = RejectedPasswords(None)
    await rejected.note(ACCOUNT, PASSWORD)
    assert await rejected.knows(ACCOUNT, PASSWORD)
    assert not await rejected.knows(OTHER, PASSWORD)
    await rejected.forget(ACCOUNT)
    assert not await rejected.knows(ACCOUNT, PASSWORD)


@pytest.mark.parametrize("content", ["7", '{"a": 1}', '["\\u00e4:00"]', "[null]", "no JSON"])
async def test_a_file_that_holds_no_hashes_rejects_no_password(tmp_path: Path, content: str) -> None:
    FilePasswordHashes(tmp_path).add(ACCOUNT, "a:b")
    (file,) = files_in(tmp_path)
    file.write_text(content, encoding="utf8")
    assert not await RejectedPasswords(tmp_path).knows(ACCOUNT, PASSWORD)


def test_a_store_that_holds_nothing_forgets_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    FilePasswordHashes(tmp_path).forget(ACCOUNT)
    assert caplog.messages == []


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())
