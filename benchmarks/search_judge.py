"""The rules by which answers of a contact search are judged: what is right, what is denied, what is somebody else.

A query is `{cls, q, gold, neutral}`: `gold` are the lines of the book that answer it, `neutral` those that count
neither way. A case is `{contacts, query, expect}`. The figures are explained in docs/search.md.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

TOP = 10
"""How many hits of an answer a figure looks at."""
NO_QUESTION = "emptyish"
"""The class of the queries that ask for nobody: whoever is shown is counted, whatever the match."""


class Answer(NamedTuple):
    """One hit: the contact's line in the book, and how it matches."""

    place: int
    match: str


class Fault(Enum):
    """What can be wrong with an answer."""

    DENIED = "somebody is right, nobody is shown"
    MISSED = "no right one among the first ten, or only partial ones of others"
    WRONG = "the first one is somebody else and no partial match"
    LATE = "the first one is not right, but says that it is partial"
    SHY = "the first one is right, and says that it is partial"
    CLAIM = "nobody is right, somebody is shown as a full match"
    SHOWN = "nobody was asked for, somebody is shown"


@dataclass
class Tally:
    """The figures of some queries."""

    at_1: list[float] = field(default_factory=list)
    at_10: list[float] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unanswerable: int = 0

    def add(self, query: dict[str, Any], answers: Sequence[Answer], faults: Collection[Fault]) -> None:
        """Count one query."""
        self.faults.extend(faults)
        gold = set(query["gold"])
        if not gold:
            self.unanswerable += 1
            return
        found = sum(one.place in gold for one in answers[:TOP])
        self.at_1.append(float(bool(answers) and answers[0].place in gold))
        self.at_10.append(found / min(TOP, len(gold)))

    def share(self, fault: Fault) -> float:
        """Give the share of the answerable queries that have a fault."""
        return self.faults.count(fault) / max(1, len(self.at_1))


def counting(query: dict[str, Any], answers: Sequence[Answer], unlabelled: frozenset[int]) -> list[Answer]:
    """Leave out the hits that count neither way."""
    skipped = unlabelled.union(query["neutral"]).difference(query["gold"])
    return [one for one in answers if one.place not in skipped]


def faults(query: dict[str, Any], answers: Sequence[Answer], counted: Sequence[Answer]) -> Iterator[Fault]:
    """Say what is wrong with an answer; `counted` are those of its hits that count."""
    gold = set(query["gold"])
    if not gold:
        yield from _faults_of_absent(query, answers, counted)
        return
    if not answers:
        yield Fault.DENIED
    if not counted or counted[0].place not in gold:
        yield Fault.WRONG if counted and counted[0].match != "partial" else Fault.LATE
    elif counted[0].match == "partial":
        yield Fault.SHY
    found = {one.place for one in counted[:TOP]}
    if not all(found.intersection(some) for some in query.get("both") or [gold]):
        yield Fault.MISSED


def _faults_of_absent(query: dict[str, Any], answers: Sequence[Answer], counted: Sequence[Answer]) -> Iterator[Fault]:
    if query["cls"] == NO_QUESTION:
        yield from [Fault.SHOWN] if answers else []
    elif any(one.match != "partial" for one in counted):
        yield Fault.CLAIM


def is_met(expect: dict[str, Any], answers: Sequence[Answer]) -> bool:
    """Tell whether a case's answer is what it expects; places are those of the case's contacts."""
    sure = [one for one in answers if one.match != "partial"]
    if "first" in expect:
        first = answers[: len(expect["first"])]
        labels = {one.match for one in first} - {expect.get("match")} if "match" in expect else set()
        return {one.place for one in first} == set(expect["first"]) and first == sure[: len(first)] and not labels
    if "includes" in expect:
        return set(expect["includes"]) <= {one.place for one in answers[:TOP] if one.match != "partial"}
    if "shown" in expect:
        return set(expect["shown"]) <= {one.place for one in answers[:TOP]}
    return all(one.place in expect.get("may", ()) and one.match not in expect["not_match"] for one in sure)


def case_fault(expect: dict[str, Any], answers: Sequence[Answer]) -> Fault | None:
    """Name the fault of a case that is not met: somebody right is denied, or somebody else passed off as found."""
    right = {place for name in ("first", "includes", "shown") for place in expect.get(name, ())}
    if right and not any(one.place in right or one.match != "partial" for one in answers):
        return Fault.DENIED
    sure = [one for one in answers if one.match != "partial"]
    return Fault.CLAIM if sure and sure[0].place not in right else None
