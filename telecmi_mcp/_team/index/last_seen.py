"""Records the sync in which each contact was last seen, 256 contacts to a row."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from telecmi_mcp._team.index.snapshot import array

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telecmi_mcp._team.db.database import Connection

NO_CONTACT = -1
"""Generation of a number without a contact."""

_BLOCK_BITS = 8
_LENGTH = 1 << _BLOCK_BITS
_LOAD = "SELECT block, generations FROM telecmi_mcp.mark WHERE mirror_id = %s AND block = ANY(%s)"
_SAVE = """
    INSERT INTO telecmi_mcp.mark SELECT %s, block, generations::int[]
    FROM unnest(%s::int[], %s::text[]) AS marked (block, generations)
    ON CONFLICT (mirror_id, block) DO UPDATE SET generations = EXCLUDED.generations
"""
_COUNT = """
    SELECT count(*) FROM telecmi_mcp.mark, unnest(generations) AS seen WHERE mirror_id = %s AND seen = %s
"""
_UNSEEN = """
    SELECT block * %s + place - 1 FROM telecmi_mcp.mark, unnest(generations) WITH ORDINALITY AS seen (generation, place)
    WHERE mirror_id = %s AND generation NOT IN (%s, %s) ORDER BY 1
"""


def mark(connection: Connection, mirror_id: int, rids: Iterable[int], generation: int) -> None:
    """Mark contacts as seen in a generation, and write only the rows that change."""
    places: defaultdict[int, list[int]] = defaultdict(list)
    for rid in rids:
        places[rid >> _BLOCK_BITS].append(rid & (_LENGTH - 1))
    if not places:
        return
    known: dict[int, list[int]] = dict(connection.execute(_LOAD, (mirror_id, list(places))).fetchall())
    changed = {}
    for block, some in sorted(places.items()):
        generations = list(known.get(block) or [NO_CONTACT] * _LENGTH)
        for place in some:
            generations[place] = generation
        if generations != known.get(block):
            changed[block] = array(generations)
    if changed:
        connection.execute(_SAVE, (mirror_id, list(changed), list(changed.values())))


def count_seen(connection: Connection, mirror_id: int, generation: int) -> int:
    """Return the number of contacts that were last seen in a generation."""
    found = connection.execute(_COUNT, (mirror_id, generation)).fetchone()
    return int(found[0]) if found else 0


def unseen(connection: Connection, mirror_id: int, generation: int) -> list[int]:
    """Return the numbers of the contacts that were last seen in another generation."""
    found = connection.execute(_UNSEEN, (_LENGTH, mirror_id, generation, NO_CONTACT))
    return [rid for (rid,) in found]
