"""Answers from an index: waits for contacts that may be missing, compares TeleCMI's count, and reads hits again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._index.current_index import is_of_index
from telecmi_mcp._index.live_reader import MAX_LIVE, LiveReader
from telecmi_mcp._index.request import MAX_LOOKUP_CONTACTS, CountRequest, SearchRequest
from telecmi_mcp._index.result import CountResult, Freshness, LookupResult, SearchResult
from telecmi_mcp._search import Hit, Hits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._index.count_check import CountCheck
    from telecmi_mcp._index.current_index import CurrentIndex, Finding, Report
    from telecmi_mcp._index.request import FilterFields, WriteRows
    from telecmi_mcp._index.sync import IndexSync
    from telecmi_mcp._models import Contact

_WAIT_FRACTION, _CHECK_FRACTION = 0.75, 0.95
"""Fractions of the time of a call. After the first it stops waiting for the sync, after the second for its hits."""


class _Found(NamedTuple):
    freshness: Freshness
    hits: Sequence[Hits]
    unchecked: int


class IndexAnswers:
    """Answers one call from an index.

    Args:
        client: Reads hits again.
        index: The index.
        get_contact: Reads one contact, and writes it into the index.
        clock: Returns the Unix time.
        started_at: The event loop's time at which the call started.
        timeout: Maximum seconds of the call.
        report: Is called whenever the first sync progresses.
    """

    def __init__(
        self,
        client: TelecmiClient,
        index: CurrentIndex,
        get_contact: Callable[[str], Awaitable[Contact]],
        *,
        clock: Callable[[], float],
        started_at: float,
        timeout: float,
        report: Report | None,
    ) -> None:
        self._client = client
        self._index = index
        self._get_contact = get_contact
        self._clock = clock
        self._wait_until = started_at + timeout * _WAIT_FRACTION
        self._check_until = started_at + timeout * _CHECK_FRACTION
        self._report = report

    async def search(self, request: SearchRequest) -> SearchResult:
        """Find contacts."""
        if contact_id := request.contact_id:
            return await self._by_id(await self._index.sync(), contact_id)
        if request.after is not None and request.created_at != (await self._index.sync()).sync_state.created_at:
            raise errors.InvalidArguments(
                hint="Call again without page_state", fact="the contacts were read anew since the previous page"
            )
        found = await self._find([request])
        return SearchResult(
            **_fields(found.freshness),
            found=found.hits[0],
            unchecked=found.unchecked,
            is_later_page=request.after is not None,
        )

    async def lookup(self, queries: Sequence[str]) -> LookupResult:
        """Find contacts for each query."""
        requests = [SearchRequest(query=query, limit=MAX_LOOKUP_CONTACTS) for query in queries]
        found = await self._find(requests)
        hits = await self._with_ids(requests, found.hits)
        return LookupResult(
            **_fields(found.freshness), queries=tuple(queries), found=tuple(hits), unchecked=found.unchecked
        )

    async def _with_ids(self, requests: Sequence[SearchRequest], found: Sequence[Hits]) -> list[Hits]:
        """Ask TeleCMI itself for ids that the index does not have, as far as an answer may read contacts."""
        known = list(found)
        unknown = [place for place, request in enumerate(requests) if request.contact_id and not known[place].hits]
        for place in unknown[:MAX_LIVE]:
            with suppress(errors.ContactNotFound):
                known[place] = _one_hit(await self._get_contact(requests[place].contact_id))
        return known

    async def count(self, request: CountRequest) -> CountResult:
        """Count contacts, and group them; compare TeleCMI's count before the answer says that there are none."""
        finding = await self._index.find_until(request.run, _is_never_settled, self._wait_until, self._report)
        count_check = None
        if finding.sync_state.is_whole and not finding.found.total:
            checked = await self._index.find_after_count_check(finding, request.run, self._wait_until)
            finding, count_check = checked
        freshness = await self._freshness(finding, count_check)
        return CountResult(**_fields(freshness), counts=finding.found)

    async def export_rows(self, filters: FilterFields, write: WriteRows) -> CountResult:
        """Write the contacts that pass the filters from a complete copy; see ``Directory.export_rows``."""
        count = CountRequest(filters=filters).run
        finding = await self._index.find_until(count, _is_never_settled, self._wait_until, self._report)
        count_check = None
        if finding.sync_state.is_whole:
            finding, count_check = await self._index.find_after_count_check(finding, count, self._wait_until)
        freshness = await self._freshness(finding, count_check)
        if not freshness.is_confirmed:
            raise errors.ContactsIncomplete
        with anyio.move_on_after(self._check_until - anyio.current_time()):
            if finding.found.total:
                await run_sync(write, filters.pages(finding.index_sync.store))
            return CountResult(**_fields(freshness), counts=finding.found)
        raise errors.ContactsIncomplete(
            hint="Pass filters, or ask the user to run telecmi-mcp export in a terminal",
            fact="there was no time to write all contacts, so no file was written",
        )

    async def _find(self, requests: Sequence[SearchRequest]) -> _Found:
        """Search the index, read the first contacts again, and compare TeleCMI's count before a denial."""
        reading = LiveReader(self._client, requests, until=self._check_until)
        finding = await self._index.find_until(reading.find, _are_settled, self._wait_until, self._report)
        hits = await self._checked(reading, finding)
        count_check = None
        may_deny = [_denies(each) for request, each in zip(requests, hits, strict=True) if request.after is None]
        if finding.sync_state.is_whole and any(may_deny):
            finding, count_check = await self._index.find_after_count_check(finding, reading.find, self._wait_until)
            hits = await self._checked(reading, finding)
        return _Found(await self._freshness(finding, count_check), hits, reading.unchecked(hits))

    async def _checked(self, reading: LiveReader, finding: Finding[list[Hits]]) -> Sequence[Hits]:
        if is_of_index(finding.index_sync.fault):
            raise finding.index_sync.fault
        return await reading.checked(finding.index_sync, finding.found, may_write=self._index.may_write)

    async def _freshness(self, finding: Finding[Any], count_check: CountCheck | None) -> Freshness:
        """Return how fresh and complete a result is.

        Raises:
            TelecmiError: Nothing was read, or the user must sign in.
        """
        freshness = await self._index.freshness(finding.index_sync, finding.sync_state)
        fault = finding.index_sync.fault
        if fault and (isinstance(fault, errors.SignInError) or not freshness.indexed):
            raise fault
        return replace(freshness, count_check=count_check)

    async def _by_id(self, index_sync: IndexSync, contact_id: str) -> SearchResult:
        """Let TeleCMI itself answer a query that names an id."""
        try:
            hits = _one_hit(await self._get_contact(contact_id))
        except errors.ContactNotFound:
            hits = Hits()
        freshness = replace(await self._index.freshness(index_sync), as_of=self._clock())
        return SearchResult(**_fields(freshness), found=hits, by_id=True)


def _one_hit(contact: Contact) -> Hits:
    return Hits(hits=(Hit(contact=contact, match="exact"),), total=1)


def _is_never_settled(_: object) -> bool:
    """Return False: every contact counts."""
    return False


def _fields(freshness: Freshness) -> dict[str, Any]:
    return {field.name: getattr(freshness, field.name) for field in fields(freshness)}


def _are_settled(found: Sequence[Hits]) -> bool:
    return all(hits.is_settled for hits in found)


def _denies(hits: Hits) -> bool:
    """Return True if the answer would say that no contact matches the whole query."""
    return hits.no_question is None and (not hits.hits or hits.hits[0].match == "partial")
