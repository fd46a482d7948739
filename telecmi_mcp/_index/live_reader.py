"""Searches the index, and reads the first contacts of an answer from TeleCMI again before the answer returns them."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._index.rematch import still_matching
from telecmi_mcp._search import id_in
from telecmi_mcp._task_groups import open_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._index.request import SearchRequest
    from telecmi_mcp._index.sync import IndexSync
    from telecmi_mcp._models import Contact
    from telecmi_mcp._search import ContactStore, Hits

_log = logging.getLogger(__name__)

MAX_LIVE = 10
"""Maximum number of contacts of one answer that are read again: TeleCMI returns one contact a request."""
_MAX_ROUNDS = 3  # of reading; other contacts replace those that changed or no longer exist


class LiveReader:
    """Reads the first contacts of an answer until those that are returned are as TeleCMI has them.

    Args:
        client: Reads contacts.
        requests: The searches of the answer.
        until: The event loop's time at which searching and reading stop.

    Attributes:
        live: Each contact as TeleCMI returned it during this call; ``None`` for one that does not exist.
    """

    def __init__(self, client: TelecmiClient, requests: Sequence[SearchRequest], *, until: float) -> None:
        self.live: dict[str, Contact | None] = {}
        self._client = client
        self._requests = requests
        self._until = until
        self._find_until = time.monotonic() + until - anyio.current_time()

    def find(self, store: ContactStore) -> list[Hits]:
        """Search a store for each request; runs in a worker thread, which cannot be cancelled.

        Raises:
            LookupUnfinished: The time of several searches ended.
        """
        found: list[Hits] = []
        for request in self._requests:
            found.append(request.run(store))
            if len(self._requests) > 1 and time.monotonic() > self._find_until:
                raise errors.LookupUnfinished
        return found

    async def checked(self, index_sync: IndexSync, found: Sequence[Hits], *, may_write: bool) -> Sequence[Hits]:
        """Return the hits with their live contacts; search again if one changed or does not exist."""
        for _ in range(_MAX_ROUNDS):
            known = dict(islice(_contacts_of(found), MAX_LIVE))
            asked = [contact_id for contact_id in known if _is_id(contact_id) and contact_id not in self.live]
            await self._read(asked)
            changed = [each for each in asked if each in self.live and self.live[each] != known[each]]
            if not (changed and may_write):
                break
            if not await self._correct(index_sync, changed):
                break
            found = await run_sync(self.find, index_sync.store)
        return await run_sync(lambda: list(map(self._as_live, self._requests, found)))

    def unchecked(self, found: Iterable[Hits]) -> int:
        """Return how many different contacts of the answer TeleCMI did not confirm."""
        return len(dict(_contacts_of(found)).keys() - self.live.keys())

    def _as_live(self, request: SearchRequest, hits: Hits) -> Hits:
        """Return the hits as TeleCMI has them, without those that no longer exist or no longer match.

        The index still has the old contacts if another process writes it.
        """
        live = [(hit, self.live.get(hit.contact.contact_id, hit.contact)) for hit in hits.hits]
        changed = [(hit, contact) for hit, contact in live if contact not in {None, hit.contact}]
        matching = still_matching(request, changed) if changed else {}
        left = [hit if contact == hit.contact else matching.get(hit.contact.contact_id) for hit, contact in live]
        kept = tuple(hit for hit in left if hit is not None)
        return replace(hits, hits=kept, total=max(0, hits.total - len(live) + len(kept)))

    async def _correct(self, index_sync: IndexSync, changed: Iterable[str]) -> bool:
        """Write the live contacts; return False if another process writes now and reads them itself."""
        try:
            for contact_id in changed:
                contact = self.live[contact_id]
                await (index_sync.drop(contact_id) if contact is None else index_sync.note([contact]))
        except errors.WriterLockLost:
            return False
        return True

    async def _read(self, contact_ids: Iterable[str]) -> None:
        with anyio.move_on_after(max(0.0, self._until - anyio.current_time())):
            async with open_tasks() as tasks:
                for contact_id in contact_ids:
                    tasks.start_soon(self._read_one, contact_id)

    async def _read_one(self, contact_id: str) -> None:
        try:
            self.live[contact_id] = await self._client.get_contact(contact_id)
        except errors.ContactNotFound:
            self.live[contact_id] = None
        except errors.SignInError:
            raise
        except errors.TelecmiError as fault:
            _log.info("a hit could not be read again: %s", fault.code)


def _contacts_of(found: Iterable[Hits]) -> Iterator[tuple[str, Contact]]:
    """Return the contacts with their ids: the best of each query first, then the others."""
    every = list(found)
    firsts = [hits.hits[:1] for hits in every]
    for hits in (*firsts, *(hits.hits[1:] for hits in every)):
        yield from ((hit.contact.contact_id, hit.contact) for hit in hits)


def _is_id(contact_id: str) -> bool:
    """Return True if TeleCMI accepts this id; a contact with another kind of id can only be listed."""
    return id_in(contact_id) == contact_id.lower()
