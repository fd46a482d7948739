"""Encryption of what is kept: bound to its row, by keys that can be rotated, and never garbage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from telecmi_mcp._config.keys import new_key
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._team.accounts.encryption import Vault, open_vault
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp.errors import ConfigurationError, CredentialStoreUnusable

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = SecretStr(new_key()), SecretStr(new_key())


def test_what_was_sealed_is_unsealed_and_looks_different_each_time() -> None:
    vault = Vault([OLD])
    one, other = (vault.seal("sécret", about="row") for _ in range(2))
    assert one != other
    assert b"cret" not in one
    assert vault.unseal(one, about="row") == "sécret"


def test_what_was_sealed_about_one_row_is_refused_in_another() -> None:
    vault = Vault([OLD])
    with pytest.raises(CredentialStoreUnusable, match="belongs to another"):
        vault.unseal(vault.seal("secret", about="her"), about="him")


def test_a_changed_bit_anywhere_is_noticed() -> None:
    vault = Vault([OLD])
    sealed = vault.seal("secret", about="row")
    for place in range(len(sealed)):
        changed = bytes([*sealed[:place], sealed[place] ^ 1, *sealed[place + 1 :]])
        with pytest.raises((CredentialStoreUnusable, ConfigurationError)):
            vault.unseal(changed, about="row")
    for length in range(len(sealed)):
        with pytest.raises(CredentialStoreUnusable):
            vault.unseal(sealed[:length], about="row")


def test_the_newest_key_seals_and_older_ones_still_unseal() -> None:
    sealed = Vault([OLD]).seal("secret", about="row")
    vault = Vault([NEW, OLD])
    assert vault.unseal(sealed, about="row") == "secret"
    assert not vault.is_newest(sealed)
    assert vault.is_newest(vault.seal("secret", about="row"))
    assert Vault([NEW]).unseal(vault.seal("secret", about="row"), about="row") == "secret"


def test_a_missing_key_is_reported_by_the_setting_that_lacks_it(tmp_path: Path) -> None:
    sealed = Vault([OLD]).seal("secret", about="row")
    with pytest.raises(ConfigurationError, match="TELECMI_ENCRYPTION_KEYS:"):
        Vault([NEW]).unseal(sealed, about="row")
    path = tmp_path / "keys"
    path.touch(mode=0o600)
    path.write_text(f"{NEW.get_secret_value()}\n\n")
    vault = open_vault(TeamSettings(encryption_keys_file=path))
    assert vault is not None
    with pytest.raises(ConfigurationError, match="TELECMI_ENCRYPTION_KEYS_FILE:"):
        vault.unseal(sealed, about="row")


def test_keys_are_taken_newest_first_and_the_log_learns_them() -> None:
    known = KnownSecrets()
    both = SecretStr(f"{NEW.get_secret_value()}, {OLD.get_secret_value()}")
    vault = open_vault(TeamSettings(encryption_keys=both), known)
    assert vault is not None
    assert vault.is_newest(Vault([NEW]).seal("secret", about="row"))
    assert known.hide(both.get_secret_value()) == "[removed], [removed]"
    assert open_vault(TeamSettings()) is None


@pytest.mark.parametrize("keys", ["short", ",", "A" * 39, f"{'A' * 43}=,{'A' * 43}=x", "ключ", "a" * 43 + "!"])
def test_what_is_no_key_is_refused_without_being_reported(keys: str) -> None:
    with pytest.raises(ConfigurationError, match="Correct TELECMI_ENCRYPTION_KEYS: it takes keys that") as caught:
        open_vault(TeamSettings(encryption_keys=SecretStr(keys)))
    assert keys == "," or keys not in str(caught.value)


def test_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(new_key())
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        open_vault(TeamSettings(encryption_keys_file=path))
    with pytest.raises(ConfigurationError, match="Correct TELECMI_ENCRYPTION_KEYS_FILE"):
        open_vault(TeamSettings(encryption_keys_file=tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match="Unset TELECMI_ENCRYPTION_KEYS_FILE"):
        open_vault(TeamSettings(encryption_keys=OLD, encryption_keys_file=path))


def test_fresh_keys_differ_and_have_no_comma() -> None:
    assert len({new_key() for _ in range(100)}) == 100
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}=", new_key())
