"""Lists the indexes of all accounts in the database: how old and how complete each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._team.index.postgres_store import VERSION

if TYPE_CHECKING:
    from telecmi_mcp._team.db.database import Connection

MAX_COPIES: Final = 100
"""Maximum number of indexes that are listed: those that were used last."""

_LIST = """
    SELECT account_id, contacts, state, extract(epoch FROM now() - used_at)::float8, count(*) OVER ()
    FROM telecmi_mcp.mirror WHERE version = %s ORDER BY used_at DESC LIMIT %s
"""


class IndexCopy(NamedTuple):
    """The index of one account.

    Attributes:
        account: Number of the account in the database; an account has no other name there.
        contacts: Number of contacts in the index.
        sync_state: Progress of its sync.
        unused_s: Seconds since it was last written or searched.
    """

    account: int
    contacts: int
    sync_state: SyncState
    unused_s: float


def list_copies(connection: Connection) -> tuple[list[IndexCopy], int]:
    """Return the indexes that were used last, by their numbers, and how many there are of this version."""
    found = connection.execute(_LIST, (VERSION, MAX_COPIES)).fetchall()
    copies = [
        IndexCopy(number, contacts, SyncState.from_state(state), age) for number, contacts, state, age, _ in found
    ]
    return sorted(copies), found[0][-1] if found else 0
