"""Encrypts secrets for the database with keys that are not in it: AES-256-GCM of ``cryptography``.

Each secret is bound to its subject (GCM's associated data), so that the secret of one row is invalid in another row;
Fernet has no associated data. The stored bytes are version, key name, nonce, ciphertext and tag.
"""

from __future__ import annotations

import binascii
import hashlib
import os
from base64 import b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from telecmi_mcp._team.config import variables
from telecmi_mcp._team.config.secret_files import secret_lines
from telecmi_mcp.errors import ConfigurationError, CredentialStoreUnusable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._config.variables import Setting
    from telecmi_mcp._team.config.settings import TeamSettings

_VERSION = b"\x01"
_KEY_BYTES = 32
_NAME_BYTES = 8
_NONCE_BYTES = 12  # random for each secret: safe for 2**32 of them under one key (NIST SP 800-38D, 8.3)
_HEAD_BYTES = len(_VERSION) + _NAME_BYTES + _NONCE_BYTES
_USE = b"telecmi-mcp team key\n"


def new_key() -> str:
    """Return a new key as text: 32 random bytes in URL-safe base64."""
    return urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


def open_vault(settings: TeamSettings, secrets: KnownSecrets | None = None) -> Vault | None:
    """Return the vault with the keys of the settings; ``None`` if they name none. Reads a file.

    Args:
        settings: The configuration.
        secrets: Collects the keys, so that the log can mask them.

    Raises:
        ConfigurationError: The keys are not valid, or both settings are set.
    """
    given, path = settings.encryption_keys, settings.encryption_keys_file
    if given is not None and path is not None:
        setting = variables.ENCRYPTION_KEYS_FILE
        raise ConfigurationError(hint=f"Unset {setting.variable}", fact="the keys are set too")
    if given is not None:
        words, setting = given.get_secret_value().split(","), variables.ENCRYPTION_KEYS
    elif path is not None:
        words, setting = secret_lines(path, variables.ENCRYPTION_KEYS_FILE), variables.ENCRYPTION_KEYS_FILE
    else:
        return None
    keys = [SecretStr(word.strip()) for word in words if word.strip()]
    if secrets is not None:
        secrets.add(*keys)
    return Vault(keys, setting=setting)


class Vault:
    """Encrypts with the newest key, and decrypts with all of them.

    Args:
        keys: As ``new_key`` makes them, the newest first.
        setting: Setting of the keys, which errors name.

    Raises:
        ConfigurationError: A key is not valid, or there is none.
    """

    def __init__(self, keys: Iterable[SecretStr], *, setting: Setting = variables.ENCRYPTION_KEYS) -> None:
        self._setting = setting
        raw = [self._raw(key) for key in keys]
        if not raw:
            raise self._unusable
        self._newest = _name(raw[0])
        self._ciphers = {_name(key): AESGCM(key) for key in raw}

    def seal(self, secret: str, *, about: str) -> bytes:
        """Encrypt a secret with the newest key, bound to its subject."""
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = self._ciphers[self._newest].encrypt(nonce, secret.encode(), about.encode())
        return _VERSION + self._newest + nonce + ciphertext

    def unseal(self, sealed: bytes, *, about: str) -> str:
        """Decrypt a secret that was sealed with the same subject.

        Raises:
            ConfigurationError: The key of the secret is missing; the message names the setting.
            CredentialStoreUnusable: The bytes were altered, or have another subject.
        """
        if len(sealed) < _HEAD_BYTES or not sealed.startswith(_VERSION):
            raise _altered()
        name = sealed[len(_VERSION) :][:_NAME_BYTES]
        if name not in self._ciphers:
            raise ConfigurationError(
                hint=f"The administrator must add the previous key to {self._setting.variable}",
                fact="a TeleCMI sign-in is encrypted with a key that is missing",
            )
        try:
            secret = self._ciphers[name].decrypt(
                sealed[_HEAD_BYTES - _NONCE_BYTES :][:_NONCE_BYTES], sealed[_HEAD_BYTES:], about.encode()
            )
        except InvalidTag:
            raise _altered() from None
        return secret.decode()

    def is_newest(self, sealed: bytes) -> bool:
        """Whether a secret was sealed with the newest key."""
        return sealed[len(_VERSION) :][:_NAME_BYTES] == self._newest

    def _raw(self, key: SecretStr) -> bytes:
        try:
            raw = b64decode(key.get_secret_value(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise self._unusable from None
        if len(raw) != _KEY_BYTES:
            raise self._unusable
        return raw

    @property
    def _unusable(self) -> ConfigurationError:
        return ConfigurationError(
            hint=f"Correct {self._setting.variable}", fact="it takes keys that telecmi-mcp team new-key printed"
        )


def _name(key: bytes) -> bytes:
    """Return a name for a key that does not reveal it."""
    return hashlib.sha256(_USE + key).digest()[:_NAME_BYTES]


def _altered() -> CredentialStoreUnusable:
    return CredentialStoreUnusable(
        hint="The administrator must run telecmi-mcp team sign-in again",
        fact="a TeleCMI sign-in in its database was altered, or belongs to another caller",
    )
