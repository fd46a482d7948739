"""The hashes of contacts: the same for one key, and nothing without it."""

from __future__ import annotations

from hashlib import blake2b, sha256
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from telecmi_mcp._audit.contact_hashes import ContactHasher, create_key_file, read_hashers
from telecmi_mcp._config.keys import new_key
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

IDS = [str(UUID(int=number)) for number in range(1000)]
KEY = bytes(range(32))


def test_a_contact_has_one_hash_and_each_contact_another() -> None:
    hashes = ContactHasher(KEY).hashes(IDS)
    assert len(set(hashes)) == len(IDS)
    assert hashes == ContactHasher(KEY).hashes([*IDS, *IDS])
    assert {len(each) for each in hashes} == {16}
    assert ContactHasher(KEY).hashes(IDS[7:8]) == hashes[7:8]
    assert ContactHasher(KEY).hashes([]) == []


def test_every_hash_differs_with_another_key_and_without_one() -> None:
    ours, theirs = (ContactHasher(key) for key in (KEY, bytes(32)))
    assert ours.key_name != theirs.key_name
    assert not set(ours.hashes(IDS)) & set(theirs.hashes(IDS))
    digests = [digest(each.encode()).digest() for each in IDS for digest in (sha256, blake2b)]
    hexes = {digest.hex() for digest in digests}
    assert not any(part in text for part in ours.hashes(IDS[:9]) for text in hexes)
    assert ours.hashes(IDS[:1]) != ContactHasher(b"").hashes(IDS[:1])  # BLAKE2b without a key


def test_ids_that_differ_by_capitals_are_other_contacts() -> None:
    assert len(set(ContactHasher(KEY).hashes(["ab-c", "AB-c", "abc", "\ud800"]))) == 4


def test_the_keys_of_a_file_are_used_in_their_order_and_masked_in_the_log(tmp_path: Path) -> None:
    path, keys, secrets = tmp_path / "keys", [new_key(), new_key()], KnownSecrets()
    path.touch(0o600)
    path.write_text("\n".join(keys), encoding="ascii")
    first, second = read_hashers(path, source="TELECMI_AUDIT_KEYS_FILE", secrets=secrets)
    assert first.key_name != second.key_name
    path.write_text(keys[1], encoding="ascii")
    assert [each.key_name for each in read_hashers(path, source="X")] == [second.key_name]
    assert secrets.hide(f"a {keys[0]} b") == "a [removed] b"


@pytest.mark.parametrize(
    ("content", "mode"),
    [("", 0o600), ("hunter2", 0o600), (new_key(), 0o644), ("\xff", 0o600)],
    ids=["empty", "no key", "readable by others", "no text"],
)
def test_a_file_that_cannot_be_used_is_an_error_that_names_the_setting_and_no_key(
    content: str, mode: int, tmp_path: Path
) -> None:
    path = tmp_path / "keys"
    path.write_text(content, encoding="latin1")
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="TELECMI_AUDIT_KEYS_FILE") as caught:
        read_hashers(path, source="TELECMI_AUDIT_KEYS_FILE")
    assert content == "" or content not in str(caught.value)


def test_a_new_key_is_private_and_never_replaces_another(tmp_path: Path) -> None:
    path = tmp_path / "state" / "audit-keys"
    create_key_file(path)
    key = path.read_text(encoding="ascii")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    create_key_file(path)
    assert path.read_text(encoding="ascii") == key
    assert [*path.parent.iterdir()] == [path]


def test_a_key_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(ConfigurationError, match="a key for the audit cannot be written"):
        create_key_file(tmp_path / "state" / "audit-keys")
