"""Tasks about many contacts: batches, counts, filters, duplicates, groups, paging, and files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from evals.claims import Claim, nobody, number
from evals.facts import (
    chosen,
    company_of,
    country_of,
    domain_of,
    fold,
    full_name,
    groups_by,
    value_of,
)
from evals.people import LARGE
from evals.person_tasks import truth_about
from evals.plans import (
    Plan,
    Step,
    count,
    export,
    find,
    find_all,
    look_up,
    read_groups,
    read_number_of_groups,
    read_total,
    say,
)
from evals.scorer import EXPORT_COMMAND, Truth
from evals.task import Role, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evals.scene import Scene
    from telecmi_mcp.sandbox import Contact

ABSENT: Final = ("Thaddeus Winterbottom", "Ingeborg Halvorsen", "Bartholomew Quigg", "Philomena Drax")
"""Names that nobody in the book has, and that are like no other."""
Made: TypeAlias = "tuple[Truth, tuple[Plan, ...]]"
_ASKS: Final = Path(__file__).with_name("book_asks.toml")
*_, _CLINICS = LARGE
_DUPLICATES: Final = frozenset({"phone_no", "email_id", "name"})
"""What ``count_contacts`` groups only where several contacts have it."""
_KEYS: Final[dict[str, Callable[[Contact], str]]] = {
    "company": company_of,
    "country": country_of,
    "email_domain": domain_of,
    "email_id": lambda contact: fold(value_of(contact, "email_id")),
    "job_title": lambda contact: fold(value_of(contact, "job_title")),
    "name": lambda contact: fold(full_name(contact)),
    "phone_no": lambda contact: value_of(contact, "phone_no"),
}
_MANY: Final = 100


def book_tasks(scene: Scene) -> Iterator[Task]:
    """Make the tasks about many contacts."""
    yield from _batches(scene)
    yield from _asked_tasks(scene)
    yield _paging(scene)
    yield from _files()


def _batches(scene: Scene) -> Iterator[Task]:
    def names(amount: int) -> dict[str, Contact]:
        entries = [scene.pick(scene.is_plain) for _ in range(amount)]
        return {full_name(entry.contact): entry.contact for entry in entries}

    def asked_by(pattern: str, amount: int) -> dict[str, Contact]:
        entries = [scene.pick(scene.is_plain) for _ in range(amount)]
        return {pattern.format(**entry.contact): entry.contact for entry in entries}

    by_number = asked_by("+{phone_no}", 10)
    mixed = {**names(2), **asked_by("{phone_no}", 2), **asked_by("{email_id}", 2), **asked_by("{contact_id}", 1)}
    yield _batch("batch-1", "sales", "I ring these people today. Give me the number of each", names(8), (), "phone_no")
    unknown = ("+911109990002", "+911109990003")
    yield _batch("batch-2", "voice", "These numbers called last night. Who is each", by_number, unknown)
    prompt = "Complete this list with phone numbers, and say who is not in the book"
    yield _batch("batch-3", "operations", prompt, names(56), ABSENT, "phone_no")
    yield _batch("batch-4", "operations", "Which company is each of these with", mixed, ABSENT[:1], "company")


def _batch(name: str, role: Role, prompt: str, known: dict[str, Contact], unknown: Sequence[str], *fields: str) -> Task:
    queries = sorted([*known, *unknown], key=fold)
    truth = truth_about([*known.values()], fields)
    denials = frozenset(map(nobody, unknown))
    text = f"{prompt}: {'; '.join(queries)}."
    return Task(name, role, text, Truth(truth.required | denials), look_up(queries, *fields))


def _asked_tasks(scene: Scene) -> Iterator[Task]:
    words = _company_words(scene)
    for kind, asks in tomllib.loads(_ASKS.read_text(encoding="utf8")).items():
        for place, ask in enumerate(asks, 1):
            filters = {**ask.get("filters", {})}
            if "company" in filters:
                filters["company"] = filters["company"].format(**words)
            truth, plans = _MAKERS[kind](scene, filters, ask)
            yield Task(f"{kind}-{place}", ask["role"], ask["prompt"].format(**words), truth, plans)


def _company_words(scene: Scene) -> dict[str, str]:
    small, medium = scene.company_of_size(8, 9), scene.company_of_size(25, 36)
    large = {name.split()[-1].lower(): name for name in LARGE}
    return {**large, "small": small, "medium": medium}


def _count(scene: Scene, filters: dict[str, Any], _: dict[str, Any]) -> Made:
    truth = Truth(frozenset({number(len(_filtered(scene, filters)))}))
    listed = Plan((Step("list_contacts", {"limit": 1}),), read_total)
    return truth, ((count(**filters),) if filters else (listed, count()))


def _list(scene: Scene, filters: dict[str, Any], ask: dict[str, Any]) -> Made:
    found, fields = _filtered(scene, filters), ask.get("fields", ())
    if not found:
        raise LookupError(f"no contact of the book is asked for: {ask['prompt']}")
    plans = [find_all(*fields, limit=len(found), **filters)]
    if filters.keys() == {"company"}:
        plans.append(find(filters["company"], *fields, limit=len(found)))
    return truth_about(found, fields), tuple(plans)


def _group(scene: Scene, filters: dict[str, Any], ask: dict[str, Any]) -> Made:
    group_by, contacts = ask["group_by"], _filtered(scene, filters)
    if group_by == "name" and not scene.has_one_spelling(contacts):
        raise LookupError(f"a name is there in two scripts: {ask['prompt']}")
    groups = groups_by(contacts, _KEYS[group_by], least=2 if group_by in _DUPLICATES else 1)
    wanted = groups[: ask.get("top", len(groups))]
    if groups[len(wanted) :] and groups[len(wanted)][1] == wanted[-1][1]:
        raise LookupError(f"the last group that is asked for is as large as the next: {ask['prompt']}")
    also, required = _claims(groups), {*_claims(wanted)}
    if ask.get("how_many"):
        required = {number(len(groups))}
    read = read_number_of_groups if ask.get("how_many") else read_groups
    plan = count(read, group_by=group_by, max_groups=len(wanted), **filters)
    return Truth(frozenset(required), also=also | {number(len(wanted))}), (plan,)


def _filtered(scene: Scene, filters: dict[str, Any]) -> list[Contact]:
    renamed = {"title" if name == "job_title" else name: value for name, value in filters.items()}
    return chosen(scene.book, **renamed)


def _claims(groups: Sequence[tuple[str, int]]) -> frozenset[Claim]:
    return frozenset(number(amount, value) for value, amount in groups)


_MAKERS: Final = {"count": _count, "filter": _list, "duplicate": _group, "group": _group}


def _paging(scene: Scene) -> Task:
    foreign = [each for each in chosen(scene.book, company=_CLINICS) if country_of(each) not in {"", "IN"}]
    prompt = f"Go through everybody at {_CLINICS} and give me the numbers that are not Indian, with who has them."

    def is_foreign(row: dict[str, Any]) -> bool:
        return bool(row.get("phone_no", "")[:1].isdigit()) and not row["phone_no"].startswith("91")

    plan = find_all("phone_no", limit=_MANY, is_paged=True, keep=is_foreign, company=_CLINICS)
    return Task("paging-1", "sales", prompt, truth_about(foreign, ("phone_no",)), (plan,))


def _files() -> Iterator[Task]:
    by_command = say(Claim("file", value=EXPORT_COMMAND), instructions=EXPORT_COMMAND)
    truth = Truth(frozenset(), file=True)
    yield Task(
        "file-1",
        "operations",
        "I need the whole book as a CSV file. Make it, or tell me the command.",
        truth,
        (by_command, export("csv")),
    )
    prompt = f"Put everybody at {_CLINICS} into a vCard file and tell me its name."
    yield Task("file-2", "sales", prompt, truth, (export("vcf", company=_CLINICS),))
