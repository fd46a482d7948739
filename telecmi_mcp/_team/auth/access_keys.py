"""Makes, revokes and lists access keys; the database holds only their hashes.

A plain SHA-256 is enough. A slow hash protects passwords, which people choose and others can guess. The 256 random bits
of a key cannot be guessed. For the same reason the time of a lookup reveals nothing.
"""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

from telecmi_mcp._team.auth.callers import is_name
from telecmi_mcp.errors import AccessKeyError

if TYPE_CHECKING:
    from datetime import datetime

    from telecmi_mcp._team.db.database import Connection

REVOKED_AFTER_S = 30.0
"""Time after which no replica accepts a revoked key, as long as the database answers."""

MAX_KEYS = 10_000

_RANDOM_BYTES = 32
_KEY = re.compile(r"tmk_[A-Za-z0-9_-]{43}")


class AccessKey(NamedTuple):
    """A row of the table of keys, without the key."""

    name: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class Holder(NamedTuple):
    """The caller that a key belongs to."""

    key_id: int
    name: str


def is_key(text: str) -> bool:
    """Whether a text has the form of a key."""
    return bool(_KEY.fullmatch(text))


def hash_of(key: str) -> bytes:
    """Return the hash of a key, as the database holds it."""
    return sha256(key.encode()).digest()


def add_key(connection: Connection, name: str) -> SecretStr:
    """Make a key and return it; it cannot be read again later.

    Raises:
        AccessKeyError: The name cannot be one or has a key already, or there are too many keys.
    """
    if not is_name(name):
        raise AccessKeyError(
            hint="Choose a name of 1 to 64 printable, composed characters, without a space at its ends",
            fact="it cannot be one",
        )
    count = connection.execute("SELECT count(*) FROM telecmi_mcp.access_key WHERE revoked_at IS NULL").fetchone()
    if count and count[0] >= MAX_KEYS:
        raise AccessKeyError(hint="Revoke keys that nobody uses", fact=f"there are {MAX_KEYS:,} already")
    key = f"tmk_{secrets.token_urlsafe(_RANDOM_BYTES)}"
    made = connection.execute(
        "INSERT INTO telecmi_mcp.access_key (name, hash) VALUES (%s, %s) "
        "ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING",
        (name, hash_of(key)),
    )
    if not made.rowcount:
        raise AccessKeyError(
            hint="Revoke the key of this name first, or choose another name", fact="it has a key already"
        )
    return SecretStr(key)


def revoke_key(connection: Connection, name: str) -> None:
    """Revoke the key of this name for good.

    Raises:
        AccessKeyError: There is no valid one.
    """
    ended = connection.execute(
        "UPDATE telecmi_mcp.access_key SET revoked_at = now() WHERE name = %s AND revoked_at IS NULL", (name,)
    )
    if not ended.rowcount:
        raise AccessKeyError(hint="Look at telecmi-mcp team key list", fact="no valid key has this name")


def all_keys(connection: Connection) -> list[AccessKey]:
    """Return all keys, the valid ones first, each group by name."""
    rows = connection.execute(
        "SELECT name, created_at, last_used_at, revoked_at FROM telecmi_mcp.access_key "
        "ORDER BY revoked_at IS NOT NULL, name, access_key_id"
    )
    return [AccessKey(*row) for row in rows]


def valid_holders(connection: Connection) -> dict[bytes, Holder]:
    """Return the callers of the valid keys by the hashes of the keys."""
    rows = connection.execute(
        "SELECT hash, access_key_id, name FROM telecmi_mcp.access_key WHERE revoked_at IS NULL LIMIT %s", (MAX_KEYS,)
    )
    return {bytes(digest): Holder(key_id, name) for digest, key_id, name in rows}


def record_use(connection: Connection, key_id: int) -> None:
    """Write that a key was used now, unless a replica wrote that within the last minute or is writing it."""
    connection.execute(
        "UPDATE telecmi_mcp.access_key SET last_used_at = now() WHERE access_key_id IN (SELECT access_key_id "
        "FROM telecmi_mcp.access_key WHERE access_key_id = %s "
        "AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute') FOR UPDATE SKIP LOCKED)",
        (key_id,),
    )
