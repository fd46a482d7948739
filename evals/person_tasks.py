"""Tasks about single people: direct, reverse, misspelt, missing field, absent, several of one name."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from evals.book import Entry
from evals.claims import NONE, fact, number, person
from evals.facts import FIELDS, country_of, full_name, value_of
from evals.plans import Plan, find, read_people, search
from evals.scene import Scene, words_of
from evals.scorer import Truth
from evals.task import Role, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from telecmi_mcp.sandbox import Contact

Condition: TypeAlias = Callable[[Scene, Entry], bool]
_ASKS: Final = Path(__file__).with_name("asks.toml")
_INDIAN_SCRIPTS: Final = range(0x0900, 0x0D80)
_TAIL_DIGITS: Final = 6
_MIN_LETTERS_WITH_A_SLIP: Final = 7


class Ask(NamedTuple):
    """A question about one contact, as asks.toml has it.

    Attributes:
        fields: The fields that are asked for; without any, who the contact is.
        who: What the contact must be like, so that there is one right answer; a name of ``_CONDITIONS``.
    """

    role: Role
    prompt: str
    query: str
    fields: tuple[str, ...]
    who: str


def _is_in_script(scene: Scene, entry: Entry) -> bool:
    is_indian = ord(entry.contact["first_name"][0]) in _INDIAN_SCRIPTS
    return is_indian and scene.is_unique(entry) and all(value_of(entry.contact, field) for field in FIELDS)


def _has_rare_tail(scene: Scene, entry: Entry) -> bool:
    tail = entry.contact["phone_no"][-_TAIL_DIGITS:]
    return scene.is_plain(entry) and sum(tail in contact["phone_no"] for contact in scene.book) == 1


def _is_american(scene: Scene, entry: Entry) -> bool:
    return country_of(entry.contact) == "US/CA" and _has_rare_tail(scene, entry)


def _has_long_name(scene: Scene, entry: Entry) -> bool:
    return scene.is_plain(entry) and len(entry.contact["last_name"]) >= _MIN_LETTERS_WITH_A_SLIP


def _lacking(field: str, *, raw: bool = False) -> Condition:
    return lambda scene, entry: scene.lacks(entry, field, raw=raw)


_CONDITIONS: Final[dict[str, Condition]] = {
    "plain": Scene.is_plain,
    "only_first_name": Scene.is_only_first_name,
    "only_title": Scene.is_only_title,
    "indian_script": _is_in_script,
    "rare_tail": _has_rare_tail,
    "american": _is_american,
    "long_name": _has_long_name,
    "without_email": _lacking("email_id"),
    "filler_as_email": _lacking("email_id", raw=True),
    "filler_as_title": _lacking("job_title", raw=True),
    "without_phone": _lacking("phone_no"),
    "without_company": _lacking("company"),
}


def person_tasks(scene: Scene) -> Iterator[Task]:
    """Make the tasks about single people."""
    for kind, asks in _read_asks().items():
        for place, ask in enumerate(asks, 1):
            entry = scene.pick(partial(_CONDITIONS[ask.who], scene))
            yield _task(f"{kind}-{place}", ask, entry)
    yield _switchboard(scene)
    yield from _absent_tasks(scene)
    for place, count in enumerate((2, 3, 4), 1):
        yield _several(place, scene.holders(count))


def _read_asks() -> dict[str, list[Ask]]:
    kinds = tomllib.loads(_ASKS.read_text(encoding="utf8"))
    return {kind: [Ask(**{**ask, "fields": tuple(ask["fields"])}) for ask in asks] for kind, asks in kinds.items()}


def _task(name: str, ask: Ask, entry: Entry) -> Task:
    words = {**words_of(entry), **_variants(entry)}
    truth = truth_about([entry.contact], ask.fields)
    return Task(name, ask.role, ask.prompt.format(**words), truth, (find(ask.query.format(**words), *ask.fields),))


def truth_about(contacts: Sequence[Contact], fields: Sequence[str]) -> Truth:
    """Return the right answer to a question for fields of contacts; without fields, for who they are."""
    facts = {fact(each["contact_id"], field, value_of(each, field)) for each in contacts for field in fields}
    people = {person(each["contact_id"]) for each in contacts}
    return Truth(frozenset(facts or people), also=frozenset({number(len(contacts))}))


def _variants(entry: Entry) -> dict[str, str]:
    """Return the number in other ways of writing, and the name with one slip."""
    phone, first, last = entry.contact["phone_no"], entry.contact["first_name"], entry.contact["last_name"]
    national = phone[-10:]
    slips = {
        "swapped": last[:2] + last[3:4] + last[2:3] + last[4:],
        "doubled": last[:4] + last[3:],
        "dropped": last[:3] + last[4:],
    }
    return {
        "spaced": f"+{phone[:-10]} {national[:2]} {national[2:6]} {national[6:]}",
        "american": f"({national[:3]}) {national[3:6]}-{national[6:]}",
        **{name: f"{first} {slip}" for name, slip in slips.items()},
    }


def _switchboard(scene: Scene) -> Task:
    shared = "914405550005"
    holders = [contact for contact in scene.book if contact["phone_no"] == shared]
    prompt = f"Who may be calling from +{shared}? The number is a switchboard: name everybody who has it."
    return Task("reverse-6", "support", prompt, truth_about(holders, ()), (find(f"+{shared}", limit=len(holders)),))


def _several(place: int, holders: Sequence[Contact]) -> Task:
    name = full_name(holders[0])
    prompt = f"I need the number of {name}. If there are several, give me the number of each."
    plan = find(name, "phone_no", limit=len(holders))
    return Task(f"several-{place}", "sales", prompt, truth_about(holders, ("phone_no",)), (plan,))


def _absent_tasks(scene: Scene) -> Iterator[Task]:
    there, elsewhere, third = (scene.pick(scene.is_plain) for _ in range(3))
    company, other = words_of(there)["company"], scene.company_of_size(20, 40)
    host, name = third.contact["email_id"].partition("@")[2], full_name(elsewhere.contact)
    asked: Iterable[tuple[Role, str, str, frozenset[str]]] = (
        (
            "sales",
            f"What is the number of Thaddeus Winterbottom at {company}?",
            f"Thaddeus Winterbottom {company}",
            frozenset(),
        ),
        (
            "voice",
            f"Put me through to {name} at {other}.",
            f"{name} {other}",
            frozenset({elsewhere.contact["contact_id"]}),
        ),
        ("support", "Who called from +91 11 0999 0001?", "+911109990001", frozenset()),
        ("operations", f"Whose address is ingeborg.halvorsen@{host}?", f"ingeborg.halvorsen@{host}", frozenset()),
        ("sales", "Whom do we know at Wexcombe Aeronautics?", "Wexcombe Aeronautics", frozenset()),
    )
    for place, (role, prompt, query, people) in enumerate(asked, 1):
        yield Task(f"absent-{place}", role, prompt, Truth(frozenset({NONE}), people=people), (_deny(query),))


def _deny(query: str) -> Plan:
    return Plan((search(query, limit=1),), lambda answers: read_people((), answers))
