"""Makes, rotates and revokes access keys; the database holds only their hashes.

A plain SHA-256 is enough. A slow hash protects passwords, which people choose and others can guess. The 256 random bits
of a key cannot be guessed. For the same reason the time of a lookup reveals nothing.

A key without any limit is a row of ``access_key``, where versions without limits find it. Every other key is a row of
``limited_key``, which those versions do not read. The migration 0008 describes both tables.
"""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

from telecmi_mcp._team.auth.callers import is_name
from telecmi_mcp._team.auth.key_records import AccessKey, keys_of
from telecmi_mcp.errors import AccessKeyError

if TYPE_CHECKING:
    from datetime import timedelta

    from telecmi_mcp._team.db.database import Connection

REVOKED_AFTER_S = 30.0
"""Time after which no replica accepts a revoked key, as long as the database answers."""

MAX_KEYS = 10_000
"""Maximum number of callers with a valid key."""

_MAX_VALID_KEYS = 2  # of one caller
_RANDOM_BYTES = 32
_PLACEHOLDER_BYTES = 16  # no SHA-256 has this length
_KEY = re.compile(r"tmk_[A-Za-z0-9_-]{43}")


class KeyLimits(NamedTuple):
    """Limits of a key.

    Attributes:
        lifetime: Time until its end; ``None`` for no end.
        tools: Names of the tools that it allows; ``None`` for all.
        mask: Fields of contacts that it masks.
        options: What it allows besides.
    """

    lifetime: timedelta | None = None
    tools: tuple[str, ...] | None = None
    mask: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


NO_LIMITS = KeyLimits()


def is_key(text: str) -> bool:
    """Whether a text has the form of a key."""
    return bool(_KEY.fullmatch(text))


def hash_of(key: str) -> bytes:
    """Return the hash of a key, as the database holds it."""
    return sha256(key.encode()).digest()


def add_key(connection: Connection, name: str, limits: KeyLimits = NO_LIMITS) -> SecretStr:
    """Make the first key of a caller and return it; it cannot be read again later.

    Raises:
        AccessKeyError: The name cannot be one or has a valid key already, or there are too many keys.
    """
    if not is_name(name):
        raise AccessKeyError(
            hint="Choose a name of 1 to 64 printable, composed characters, without a space at its ends",
            fact="it cannot be one",
        )
    count = connection.execute("SELECT count(*) FROM telecmi_mcp.access_key WHERE revoked_at IS NULL").fetchone()
    if count and count[0] >= MAX_KEYS:
        raise AccessKeyError(hint="Revoke keys that nobody uses", fact=f"there are {MAX_KEYS:,} already")
    row = _lock_caller(connection, name)
    if row is not None and not any(key.is_valid for key in keys_of(connection, row)):
        _revoke_caller(connection, row)
    made = connection.execute(
        "INSERT INTO telecmi_mcp.access_key (name, hash) VALUES (%s, %s) "
        "ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING RETURNING access_key_id",
        (name, secrets.token_bytes(_PLACEHOLDER_BYTES)),
    ).fetchone()
    if made is None:
        raise AccessKeyError(
            hint="Use telecmi-mcp team key rotate, or revoke that key first, or choose another name",
            fact="it has a key already",
        )
    return _store_new(connection, made[0], limits)


def rotate_key(
    connection: Connection, name: str, *, grace: timedelta, lifetime: timedelta | None = None, is_endless: bool = False
) -> tuple[SecretStr, AccessKey]:
    """Make a second key of a caller, with the limits of the newest one, which ends after the grace time.

    Args:
        connection: The database.
        name: The caller.
        grace: Time for which the newest key remains valid.
        lifetime: Time until the end of the new key; ``None`` for the lifetime of the newest key.
        is_endless: Whether the new key has no end.

    Returns:
        The new key, and the one that it replaces.

    Raises:
        AccessKeyError: The caller has no key, or two valid ones.
    """
    row = _required_caller(connection, name)
    keys = keys_of(connection, row)
    if sum(key.is_valid for key in keys) >= _MAX_VALID_KEYS:
        raise AccessKeyError(
            hint="Wait for the end of the older key, or revoke it with telecmi-mcp team key revoke NAME --key ID",
            fact="this caller has two valid keys",
        )
    newest = max(keys, key=lambda key: (key.revoked_at is None, key.created_at))
    _limit(connection, row, newest)
    connection.execute(
        "UPDATE telecmi_mcp.limited_key SET replaced_at = least(replaced_at, now() + %s) WHERE hash = %s",
        (grace, newest.hash),
    )
    wanted = None if is_endless else lifetime or newest.lifetime
    limits = KeyLimits(wanted, newest.tools, newest.mask, newest.options)
    return _store_new(connection, row, limits), newest


def revoke_key(connection: Connection, name: str, key_id: str = "") -> None:
    """Revoke one key of a caller for good, or all of them.

    Args:
        connection: The database.
        name: The caller.
        key_id: The id of the key; "" for all keys of the caller.

    Raises:
        AccessKeyError: There is no such key, or it is not valid.
    """
    row = _required_caller(connection, name)
    valid = [key for key in keys_of(connection, row) if key.is_valid]
    ended = [key for key in valid if key_id in {"", key.key_id}]
    if not ended:
        fact = "no valid key of this caller has this id" if key_id else "no valid key has this name"
        raise AccessKeyError(hint="Look at telecmi-mcp team key list", fact=fact)
    if len(ended) == len(valid):
        _revoke_caller(connection, row)
        return
    for key in ended:
        _limit(connection, row, key)
        connection.execute("UPDATE telecmi_mcp.limited_key SET revoked_at = now() WHERE hash = %s", (key.hash,))


def _lock_caller(connection: Connection, name: str) -> int | None:
    """Return the row of a caller with keys, which no other command changes until the transaction ends."""
    row = connection.execute(
        "SELECT access_key_id FROM telecmi_mcp.access_key WHERE name = %s AND revoked_at IS NULL FOR UPDATE", (name,)
    ).fetchone()
    return None if row is None else int(row[0])


def _required_caller(connection: Connection, name: str) -> int:
    row = _lock_caller(connection, name)
    if row is None:
        raise AccessKeyError(hint="Look at telecmi-mcp team key list", fact="no valid key has this name")
    return row


def _revoke_caller(connection: Connection, row: int) -> None:
    connection.execute("UPDATE telecmi_mcp.access_key SET revoked_at = now() WHERE access_key_id = %s", (row,))


def _limit(connection: Connection, row: int, key: AccessKey) -> None:
    """Move a key without limits to the table of limited keys; a limited one is there already."""
    moved = connection.execute(
        "UPDATE telecmi_mcp.access_key SET hash = %s WHERE access_key_id = %s AND hash = %s",
        (secrets.token_bytes(_PLACEHOLDER_BYTES), row, key.hash),
    )
    if moved.rowcount:
        connection.execute(
            "INSERT INTO telecmi_mcp.limited_key (access_key_id, hash, created_at, last_used_at) "
            "VALUES (%s, %s, %s, %s)",
            (row, key.hash, key.created_at, key.last_used_at),
        )


def _store_new(connection: Connection, row: int, limits: KeyLimits) -> SecretStr:
    """Make a key and store its hash where it belongs."""
    key = f"tmk_{secrets.token_urlsafe(_RANDOM_BYTES)}"
    if limits == NO_LIMITS:
        connection.execute(
            "UPDATE telecmi_mcp.access_key SET hash = %s, created_at = now(), last_used_at = NULL "
            "WHERE access_key_id = %s",
            (hash_of(key), row),
        )
        return SecretStr(key)
    tools = None if limits.tools is None else list(limits.tools)
    connection.execute(
        "INSERT INTO telecmi_mcp.limited_key (access_key_id, hash, expires_at, tools, mask, options) "
        "VALUES (%s, %s, now() + %s, %s, %s, %s)",
        (row, hash_of(key), limits.lifetime, tools, list(limits.mask) or None, list(limits.options) or None),
    )
    return SecretStr(key)
