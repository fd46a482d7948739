"""Looks up whole masked values, for readers who answer the telephone and need the caller's name.

The answer is masked like every other. Nothing but a whole number or a whole address is looked up, and only contacts
that have exactly this value are answered, so that nobody can complete a value digit by digit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telecmi_mcp._mask import NO_MASK
from telecmi_mcp.errors import MaskedField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._index.result import LookupResult
    from telecmi_mcp._mask import Mask
    from telecmi_mcp._search import Hits


async def lookup_whole_values(app: App, values: Sequence[str], report: Report) -> LookupResult:
    """Look up values in the unmasked index of the same account, and mask the contacts that have them.

    Every value counts, whether a contact has it or not.

    Raises:
        MaskedField: A value is not whole, or the reader may not ask for one.
        CallLimitReached: The reader has asked for too many.
    """
    mask = app.client.mask
    for value in values:
        mask.require_whole(value)
    if app.admit_whole_values is None:
        raise MaskedField("phone_no")
    await app.admit_whole_values(len(values))
    result = await app.with_mask(NO_MASK).directory.lookup(values, report=report)
    return replace(result, found=tuple(_exactly(mask, hits) for hits in result.found))


def _exactly(mask: Mask, hits: Hits) -> Hits:
    exact = tuple(
        replace(hit, contact=mask.contact(hit.contact), fields=()) for hit in hits.hits if hit.match == "exact"
    )
    return replace(hits, hits=exact, total=len(exact), unmatched=(), part_count=1)
