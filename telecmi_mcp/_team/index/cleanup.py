"""Empties indexes: one that must be rebuilt, and those that were not used for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._team.index.writer_locks import NAMESPACE

if TYPE_CHECKING:
    from telecmi_mcp._team.db.database import Connection, Database

_STATEMENTS = (
    "DELETE FROM telecmi_mcp.sketch USING telecmi_mcp.term WHERE sketch.term_id = term.term_id AND mirror_id = %s",
    "DELETE FROM telecmi_mcp.term WHERE mirror_id = %s",
    "DELETE FROM telecmi_mcp.posting WHERE mirror_id = %s",
    "DELETE FROM telecmi_mcp.reach WHERE mirror_id = %s",
    "DELETE FROM telecmi_mcp.facet WHERE mirror_id = %s",
    "DELETE FROM telecmi_mcp.contact WHERE mirror_id = %s",
    "DELETE FROM telecmi_mcp.mark WHERE mirror_id = %s",
    "UPDATE telecmi_mcp.mirror SET contacts = 0, state = '{}', under_way = false WHERE mirror_id = %s",
)
_UNUSED = """
    SELECT mirror_id FROM telecmi_mcp.mirror
    WHERE state <> '{}' AND used_at < now() - make_interval(secs => %s) AND pg_try_advisory_xact_lock(%s, mirror_id)
    FOR UPDATE SKIP LOCKED
"""
_FENCE = "UPDATE telecmi_mcp.mirror SET fence = fence + 1 WHERE mirror_id = %s"


def empty(connection: Connection, mirror_id: int) -> None:
    """Remove everything of an index, in the connection's transaction."""
    for statement in _STATEMENTS:
        connection.execute(statement.encode(), (mirror_id,))


def forget_unused(database: Database, *, seconds: float) -> int:
    """Empty the indexes that were not used for so many seconds, and return how many there were.

    They belong to accounts, tokens and versions that are gone. An index that a replica may write is left alone, and no
    number is ever given to another account.
    """
    with database.connection() as connection:
        found = connection.execute(_UNUSED, (seconds, NAMESPACE)).fetchall()
        for (mirror_id,) in found:
            empty(connection, mirror_id)
            connection.execute(_FENCE, (mirror_id,))
    return len(found)
