"""Hashes contact ids with a secret key, so that the audit names contacts without telling which.

The hash is BLAKE2b with a key (RFC 7693), cut to 12 bytes: as much text as an audit line of 100 contacts has room for.
Whoever has the key can ask whether a line names a contact; whoever has only the lines can confirm no id.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from contextlib import suppress
from hashlib import blake2b
from secrets import token_hex
from typing import TYPE_CHECKING

from telecmi_mcp._config.keys import decode_keys, new_key, read_key_file
from telecmi_mcp._private_files import open_private
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from telecmi_mcp._config.secrets import KnownSecrets

HASH_CHARS = 16
_HASH_BYTES = HASH_CHARS * 3 // 4  # of base64 without padding, so that hashes can be encoded in one piece
_KEY_NAME_BYTES = 6


class ContactHasher:
    """Hashes contact ids with one key.

    Attributes:
        key_name: Names the key without revealing it.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._start = blake2b(key=key, digest_size=_HASH_BYTES, person=b"contact id")
        name = blake2b(key=key, digest_size=_KEY_NAME_BYTES, person=b"key name").digest()
        self.key_name = urlsafe_b64encode(name).decode()

    def hashes(self, contact_ids: Iterable[str]) -> list[str]:
        """Return the hash of each different id, in the order of the ids."""
        digests = []
        for contact_id in dict.fromkeys(contact_ids):
            state = self._start.copy()  # costs half of what a new state with the key does
            state.update(contact_id.encode("utf8", "surrogatepass"))
            digests.append(state.digest())
        text = urlsafe_b64encode(b"".join(digests)).decode()
        return [text[start : start + HASH_CHARS] for start in range(0, len(text), HASH_CHARS)]


def read_hashers(path: Path, *, source: str, secrets: KnownSecrets | None = None) -> list[ContactHasher]:
    """Return a hasher for each key of a file, the newest first.

    Args:
        path: The file, as ``telecmi-mcp team new-key`` makes it, with one key a line.
        source: What named the file, for errors.
        secrets: Collects the keys, so that the log can mask them.

    Raises:
        ConfigurationError: The file cannot be read, other users can read it, or a key is not valid.
    """
    keys = read_key_file(path, source=source)
    if secrets is not None:
        secrets.add(*keys)
    return [ContactHasher(key) for key in decode_keys(keys, source=source)]


def create_key_file(path: Path) -> None:
    """Create a private file with a new key, unless the file exists.

    Raises:
        ConfigurationError: It cannot be created.
    """
    draft = path.with_name(f"{path.name}.{token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = open_private(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor, created with its mode
            file.write(f"{new_key()}\n")
        with suppress(FileExistsError):  # another process was faster; its key is used
            os.link(draft, path)
    except OSError as why:
        fact = "a key for the audit cannot be written there"
        raise ConfigurationError(hint="Make the state folder writable", fact=fact, detail=type(why).__name__) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
