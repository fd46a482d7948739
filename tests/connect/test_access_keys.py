"""Access keys of team servers: one for each origin, private, and replaced without a restart."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from secret_encodings import encodings_of

from telecmi_mcp._auth import keyring_store
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._connect.access_keys import AccessKeys, CurrentKey
from telecmi_mcp.errors import CredentialStoreUnusable

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = "https://mcp.example.com", "https://mcp.example.com:8443"
KEY = SecretStr("tmk_canary+singing/in=the.mine-7Qx2")


def files_with_the_key(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if KEY.get_secret_value().encode() in path.read_bytes()]


class MemoryKeyring:
    """A keyring that works."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.texts.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.texts[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.texts[service, username]


async def test_a_key_belongs_to_one_origin_and_only_its_file_holds_it(tmp_path: Path) -> None:
    keys = AccessKeys(tmp_path)
    await keys.keep(ONE, KEY, "file")
    found = await keys.find(ONE)
    assert found is not None
    assert found.get_secret_value() == KEY.get_secret_value()
    assert await keys.find(OTHER) is None
    assert await keys.is_stored(ONE)
    assert not await keys.is_stored(OTHER)
    holders = files_with_the_key(tmp_path)
    assert [path.name for path in holders] == ["secrets.json"]
    if sys.platform != "win32":
        assert stat.S_IMODE(holders[0].stat().st_mode) == 0o600
    assert await keys.forget(ONE)
    assert not await keys.forget(ONE)
    assert not holders[0].exists()


async def test_the_keyring_has_a_service_for_each_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = MemoryKeyring()
    monkeypatch.setattr(keyring_store, "_system_backend", lambda: keyring)
    keys = AccessKeys(tmp_path)
    await keys.check_store("keyring")
    await keys.keep(ONE, KEY, "keyring")
    assert list(keyring.texts) == [(f"telecmi-mcp {ONE}", "access key")]
    assert files_with_the_key(tmp_path) == []
    await keys.keep(ONE, KEY, "file")  # moves it
    assert keyring.texts == {}


async def test_an_unusable_keyring_is_reported_with_this_commands_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked() -> None:
        raise OSError(KEY.get_secret_value())

    monkeypatch.setattr(keyring_store, "_system_backend", locked)
    with pytest.raises(CredentialStoreUnusable) as unusable:
        await AccessKeys(tmp_path).check_store("keyring")
    assert "telecmi-mcp connect URL --login --store file" in str(unusable.value)
    assert not [form for form in encodings_of(KEY.get_secret_value()) if form in repr(unusable.value)]


async def test_a_new_key_is_used_from_the_next_request_on_and_hidden_in_the_log(tmp_path: Path) -> None:
    secrets = KnownSecrets()
    current = CurrentKey(AccessKeys(tmp_path), ONE, secrets)
    assert await current.read() is None
    commands = AccessKeys(tmp_path)  # of another process
    await commands.keep(ONE, KEY, "file")
    assert await current.read() == KEY
    assert secrets.hide(KEY.get_secret_value()) == "[removed]"
    await commands.keep(ONE, SecretStr("tmk_newer"), "file")
    assert await current.read() == SecretStr("tmk_newer")
    await commands.forget(ONE)
    assert await current.read() is None


async def test_a_stored_key_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = AccessKeys(tmp_path)
    await keys.keep(ONE, KEY, "file")
    current = CurrentKey(keys, ONE, KnownSecrets())
    await current.read()

    async def find(_: str) -> None:
        raise AssertionError

    monkeypatch.setattr(keys, "find", find)
    assert await current.read() == KEY
