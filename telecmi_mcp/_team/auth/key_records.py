"""Reads access keys from the database, and writes when each was used and when its end was announced."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from telecmi_mcp._team.auth.callers import LOOKUP_MASKED, Caller

if TYPE_CHECKING:
    from datetime import datetime

    from telecmi_mcp._team.db.database import Connection

WARNED_BEFORE: Final = timedelta(days=14)
"""Time before the end of a key from which on it is announced."""

_RECORDS = """
    SELECT hash, name, created_at, last_used_at, expires_at, ends_at, revoked_at, ends_at - now(), tools, mask, options
    FROM telecmi_mcp.issued_key WHERE %(row)s::int IS NULL OR access_key_id = %(row)s
    ORDER BY revoked_at IS NOT NULL, name, created_at
"""
# A key that has ended is read for a month, so that the audit can tell whose it was. The limit is above two valid keys
# for each caller. Lists come as text, which can be a key of a cache.
_HOLDERS = """
    SELECT hash, name, extract(epoch FROM ends_at - now())::float8,
        array_to_string(tools, ','), array_to_string(mask, ','), array_to_string(options, ','),
        ends_at <= now() + %s AND (warned_at IS NULL OR warned_at <= now() - interval '1 day')
    FROM telecmi_mcp.issued_key WHERE revoked_at IS NULL AND (ends_at IS NULL OR ends_at > now() - interval '30 days')
    ORDER BY ends_at DESC NULLS FIRST LIMIT 40000
"""
_USE = """
    UPDATE telecmi_mcp.access_key SET last_used_at = now() WHERE access_key_id IN (
        SELECT access_key_id FROM telecmi_mcp.access_key
        WHERE hash = %s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute') FOR UPDATE SKIP LOCKED
    )
"""
_LIMITED_USE = """
    UPDATE telecmi_mcp.limited_key SET last_used_at = now() WHERE limited_key_id IN (
        SELECT limited_key_id FROM telecmi_mcp.limited_key
        WHERE hash = %s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute') FOR UPDATE SKIP LOCKED
    )
"""
_CLAIM_WARNINGS = """
    UPDATE telecmi_mcp.limited_key SET warned_at = now() FROM telecmi_mcp.issued_key k
    WHERE limited_key.hash = k.hash AND k.revoked_at IS NULL AND k.ends_at > now() AND k.ends_at <= now() + %s
        AND (limited_key.warned_at IS NULL OR limited_key.warned_at <= now() - interval '1 day')
    RETURNING k.hash, k.name, k.ends_at
"""
_KEY_ID_BYTES = 4


class AccessKey(NamedTuple):
    """Record of a key, without the key.

    Attributes:
        hash: SHA-256 of the key.
        name: The caller.
        created_at: When it was made.
        last_used_at: When it was used last, to the minute; ``None`` for never.
        expires_at: The end that was chosen with the key; ``None`` for none.
        ends_at: The end that applies: the same, or an earlier one because another key replaces it.
        revoked_at: When it was revoked; ``None`` for never.
        remaining: Time until ``ends_at`` by the clock of the database; negative after it.
        tools: Names of the tools that it allows; ``None`` for all.
        mask: Fields of contacts that it masks.
        options: What it allows besides.
    """

    hash: bytes
    name: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    ends_at: datetime | None
    revoked_at: datetime | None
    remaining: timedelta | None
    tools: tuple[str, ...] | None
    mask: tuple[str, ...]
    options: tuple[str, ...]

    @property
    def key_id(self) -> str:
        """Id of the key, which is not secret."""
        return key_id_of(self.hash)

    @property
    def is_valid(self) -> bool:
        """Whether a server accepts it."""
        has_ended = self.remaining is not None and self.remaining <= timedelta(0)
        return self.revoked_at is None and not has_ended

    @property
    def ends_soon(self) -> bool:
        """Whether it is valid and ends within 14 days."""
        return self.is_valid and self.remaining is not None and self.remaining <= WARNED_BEFORE

    @property
    def lifetime(self) -> timedelta | None:
        """Time for which it was made; ``None`` for no end."""
        return None if self.expires_at is None else self.expires_at - self.created_at


class Holder(NamedTuple):
    """The caller that a key belongs to, as a server needs it.

    Attributes:
        caller: The caller.
        remaining_s: Seconds until the end of the key by the clock of the database, negative after it; ``None`` for no
            end.
        is_warning_due: Whether the end must be announced.
    """

    caller: Caller
    remaining_s: float | None
    is_warning_due: bool


class EndingKey(NamedTuple):
    """A key whose end is announced."""

    key_id: str
    caller: str
    ends_at: datetime


def key_id_of(digest: bytes) -> str:
    """Return the id of a key: the first digits of its hash, which tell nothing of a key of 256 random bits."""
    return digest[:_KEY_ID_BYTES].hex()


def all_keys(connection: Connection) -> list[AccessKey]:
    """Return all keys: first those that were not revoked, each group by name and age."""
    return keys_of(connection, None)


def keys_of(connection: Connection, row: int | None) -> list[AccessKey]:
    """Return the keys of one row of ``access_key``; of all rows for ``None``."""
    return [_record(*columns) for columns in connection.execute(_RECORDS, {"row": row})]


def _record(*columns: Any) -> AccessKey:
    digest, *facts, tools, mask, options = columns
    allowed = None if tools is None else tuple(tools)
    return AccessKey._make((bytes(digest), *facts, allowed, tuple(mask or ()), tuple(options or ())))


def keys_ending_soon(connection: Connection) -> list[AccessKey]:
    """Return the valid keys that end within 14 days, the next end first."""
    soon = [key for key in all_keys(connection) if key.ends_soon]
    return sorted(soon, key=lambda key: (key.remaining, key.name))


def holders_of_keys(connection: Connection, scope: str) -> dict[bytes, Holder]:
    """Return the callers of the keys by the hashes of the keys, without keys that were revoked or ended long ago.

    Args:
        connection: The database.
        scope: The scope that every key has.
    """
    limits = lru_cache(partial(_limits, scope))  # most keys have the limits of some other key
    return {
        bytes(digest): Holder(Caller(name, *limits(options, tools, mask)), remaining_s, bool(is_due))
        for digest, name, remaining_s, tools, mask, options, is_due in connection.execute(_HOLDERS, (WARNED_BEFORE,))
    }


def _limits(
    scope: str, options: str | None, tools: str | None, mask: str | None
) -> tuple[frozenset[str], frozenset[str] | None, frozenset[str]]:
    """Return the scopes, tools and mask of a caller."""
    # Only options that this version knows: a scope of OAuth that is written in the database widens nothing.
    scopes = frozenset({scope} | ({LOOKUP_MASKED} & _words(options)))
    return scopes, None if tools is None else _words(tools), _words(mask)


def _words(text: str | None) -> frozenset[str]:
    return frozenset(text.split(",")) if text else frozenset()


def record_use(connection: Connection, digest: bytes) -> None:
    """Write that a key was used now, unless a replica wrote that within the last minute or is writing it."""
    for statement in (_USE, _LIMITED_USE):
        connection.execute(statement, (digest,))


def claim_warnings(connection: Connection) -> list[EndingKey]:
    """Return the keys whose end is to be announced now; no other replica gets them for a day."""
    return [
        EndingKey(key_id_of(bytes(digest)), name, ends_at)
        for digest, name, ends_at in connection.execute(_CLAIM_WARNINGS, (WARNED_BEFORE,))
    ]
