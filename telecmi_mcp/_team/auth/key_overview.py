"""Lists the callers with a valid access key by their last use, and the keys that end soon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from telecmi_mcp._team.auth.key_records import WARNED_BEFORE, key_id_of

if TYPE_CHECKING:
    from telecmi_mcp._team.db.database import Connection

MAX_LISTED: Final = 200
"""Maximum number of callers, and of keys, that are listed."""

_CALLERS = """
    SELECT name, extract(epoch FROM now() - max(last_used_at))::float8, count(*) OVER ()
    FROM telecmi_mcp.issued_key WHERE revoked_at IS NULL AND (ends_at IS NULL OR ends_at > now())
    GROUP BY name ORDER BY max(last_used_at) DESC NULLS LAST, name LIMIT %s
"""
_ENDING = """
    SELECT hash, name, extract(epoch FROM now() - last_used_at)::float8, extract(epoch FROM ends_at - now())::float8,
        count(*) OVER ()
    FROM telecmi_mcp.issued_key WHERE revoked_at IS NULL AND ends_at > now() AND ends_at <= now() + %s
    ORDER BY ends_at, name LIMIT %s
"""


class CallerUse(NamedTuple):
    """A caller with a valid key, and the seconds since the last use of any of its keys; ``None`` for never."""

    name: str
    unused_s: float | None


class EndingKey(NamedTuple):
    """A key that ends soon.

    Attributes:
        key_id: Id of the key, which is not secret.
        name: The caller.
        unused_s: Seconds since it was used last; ``None`` for never.
        remaining_s: Seconds until its end.
    """

    key_id: str
    name: str
    unused_s: float | None
    remaining_s: float


def last_callers(connection: Connection) -> tuple[list[CallerUse], int]:
    """Return the callers whose keys were used last, the last one first, and how many there are."""
    rows = connection.execute(_CALLERS, (MAX_LISTED,)).fetchall()
    return [CallerUse(name, unused_s) for name, unused_s, _ in rows], rows[0][-1] if rows else 0


def ending_keys(connection: Connection) -> tuple[list[EndingKey], int]:
    """Return the keys that end within 14 days, the first to end first, and how many there are."""
    rows = connection.execute(_ENDING, (WARNED_BEFORE, MAX_LISTED)).fetchall()
    return [EndingKey(key_id_of(digest), *rest) for digest, *rest, _ in rows], rows[0][-1] if rows else 0
