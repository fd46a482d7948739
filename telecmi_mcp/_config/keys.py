"""Makes and reads random keys: 32 bytes in URL-safe base64, one a line in a private file."""

from __future__ import annotations

import binascii
import os
from base64 import b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from pydantic import SecretStr

from telecmi_mcp._private_files import read_private
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_KEY_BYTES = 32


def new_key() -> str:
    """Return a new key as text."""
    return urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


def read_key_file(path: Path, *, source: str) -> list[SecretStr]:
    """Return the keys of a file, as text that is not checked yet.

    Args:
        path: The file.
        source: What named the file, for errors.

    Raises:
        ConfigurationError: The file cannot be read, or other users can read it.
    """
    try:
        return key_texts(read_private(path).decode("ascii").splitlines())
    except ConfigurationError as why:
        raise ConfigurationError(hint=why.hint, fact=f"{why.fact}, which {source} names") from None
    except (OSError, ValueError) as why:
        raise ConfigurationError(
            hint=f"Correct {source}", fact="the file that it names cannot be read", detail=type(why).__name__
        ) from None


def key_texts(words: list[str]) -> list[SecretStr]:
    """Return the words that are not empty, as keys."""
    return [SecretStr(word.strip()) for word in words if word.strip()]


def decode_keys(keys: list[SecretStr], *, source: str) -> list[bytes]:
    """Return the bytes of keys.

    Raises:
        ConfigurationError: A key is not valid, or there is none.
    """
    raw = [_decode(key) for key in keys]
    if not raw or None in raw:
        raise ConfigurationError(hint=f"Correct {source}", fact="it takes keys that telecmi-mcp team new-key printed")
    return [key for key in raw if key is not None]


def _decode(key: SecretStr) -> bytes | None:
    try:
        raw = b64decode(key.get_secret_value(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == _KEY_BYTES else None
