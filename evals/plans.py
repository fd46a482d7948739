"""Plans of the oracle: the calls that answer a task, and how the claims are read off the answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from evals.answers import Row, claims_about, rows_of
from evals.claims import Claim, number
from evals.scorer import EXPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Step:
    """One call; ``asked`` is what the call asks for, where a task asks for several."""

    tool: str
    arguments: Mapping[str, Any]
    asked: str = ""


Answered: TypeAlias = "tuple[Step, dict[str, Any]]"
"""A call and the JSON object of its answer."""
Reader: TypeAlias = "Callable[[Sequence[Answered]], list[Claim]]"


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to answer a task.

    Attributes:
        steps: The calls, in order.
        read: Returns the claims of the answers.
        is_paged: True if each call is repeated with ``page_state`` until ``has_more`` is false.
        instructions: Words that the server's instructions must hold for this way to be known.
    """

    steps: tuple[Step, ...]
    read: Reader = field(repr=False)
    is_paged: bool = False
    instructions: str = ""


def search(query: str = "", *, limit: int, asked: str = "", **filters: Any) -> Step:
    """Search for contacts."""
    return Step("search_contacts", {**({"query": query} if query else {}), **filters, "limit": limit}, asked)


def find(query: str, *fields: str, limit: int = 1) -> Plan:
    """Search once."""
    return Plan((search(query, limit=limit),), partial(read_people, fields))


def find_all(
    *fields: str,
    limit: int,
    is_paged: bool = False,
    keep: Callable[[Row], bool] = bool,
    **filters: Any,
) -> Plan:
    """Search by filters only."""
    return Plan((search(limit=limit, **filters),), partial(read_people, fields, keep=keep), is_paged=is_paged)


def look_up(queries: Sequence[str], *fields: str) -> tuple[Plan, Plan]:
    """Look all queries up at once; where the tool is missing, search for each."""
    read = partial(read_people, fields)
    at_once = Step("lookup_contacts", {"queries": list(queries)})
    return Plan((at_once,), read), Plan(tuple(search(query, limit=1, asked=query) for query in queries), read)


def count(read: Reader | None = None, **arguments: object) -> Plan:
    """Count or group contacts."""
    return Plan((Step("count_contacts", arguments),), read or read_total)


def export(file_format: str, **filters: object) -> Plan:
    """Write contacts to a file."""
    return Plan((Step(EXPORT, {"format": file_format, **filters}),), _read_file)


def say(claim: Claim, *, instructions: str = "") -> Plan:
    """Answer without a call."""
    return Plan((), lambda _: [claim], instructions=instructions)


def read_people(
    fields: Sequence[str], answers: Sequence[Answered], *, keep: Callable[[Row], bool] = bool
) -> list[Claim]:
    """Claim the fields of every contact that was found; without fields, who it is."""
    found: dict[str, list[Row]] = {}
    for step, data in answers:
        for asked, rows in rows_of(data, step.asked):
            found.setdefault(asked, []).extend(filter(keep, rows))
    return [claim for asked, rows in found.items() for claim in claims_about(rows, fields, asked)]


def read_total(answers: Sequence[Answered]) -> list[Claim]:
    """Claim the number of contacts."""
    ((_, data),) = answers
    return [number(data["total"] if "total" in data else data["count"])]


def read_groups(answers: Sequence[Answered]) -> list[Claim]:
    """Claim the value and the number of contacts of each group."""
    ((_, data),) = answers
    return [number(group["count"], group["value"]) for group in data["groups"]]


def read_number_of_groups(answers: Sequence[Answered]) -> list[Claim]:
    """Claim how many groups there are."""
    ((_, data),) = answers
    return [number(len(data["groups"]))]


def _read_file(answers: Sequence[Answered]) -> list[Claim]:
    ((_, data),) = answers
    return [Claim("file", value=data["file"])]
