"""Reads the text of an answer of a tool as a careful person would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from evals.claims import Claim, fact, nobody, person
from evals.facts import FIELDS, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from telecmi_mcp.sandbox import Contact

Row = dict[str, Any]
_KINDS = ("exact", "prefix", "fuzzy")
_KNOWN = ("found", "several")


def data_of(text: str) -> dict[str, Any]:
    """Return the JSON object of an answer; an empty one where the text is none, as of an error."""
    try:
        data = json.loads(text.partition("\n")[0])
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def finds(text: str) -> bool:
    """Return True if an answer holds a contact, a group, a number of contacts above 0, or a file."""
    data = data_of(text)
    has_rows = any(rows for _, rows in rows_of(data))
    return has_rows or bool(data.get("total") or data.get("groups") or data.get("file"))


def rows_of(data: dict[str, Any], asked: str = "") -> Iterator[tuple[str, list[Row]]]:
    """Return each query of an answer with the contacts that it found; ``asked`` is the query of a single one."""
    if "results" in data:
        for result in data["results"]:
            rows = result.get("contacts", []) if result["status"] in _KNOWN else []
            yield result["query"], best(rows)
    elif "contact_id" in data:
        yield asked, [data]
    else:
        rows = data.get("matches", data.get("contacts"))
        yield asked, best(rows) if isinstance(rows, list) else []  # export_contacts gives a number


def best(rows: Sequence[Row]) -> list[Row]:
    """Return the matches of the best kind. A partial match is not who was asked for."""
    for kind in _KINDS:
        if found := [row for row in rows if row.get("match") == kind]:
            return found
    return [row for row in rows if "match" not in row]


def claims_about(rows: Iterable[Row], fields: Sequence[str], asked: str = "") -> list[Claim]:
    """Claim the fields of each row, or who it is; where there is no row, that nobody is who was asked for."""
    claims: list[Claim] = []
    for row in rows:
        contact = as_contact(row)
        who = contact["contact_id"]
        claims += [fact(who, field, value_of(contact, field)) for field in fields] or [person(who)]
    return claims or [nobody(asked)]


def as_contact(row: Row) -> Contact:
    """Return a row as a contact of the book; a field that it does not have is empty."""
    return cast("Contact", {field: str(row.get(field, "")) for field in ("contact_id", *FIELDS)})
