"""Judges what the contact search answers: right ones first, nobody denied, nobody else passed off as found.

    python benchmarks/search_quality.py --book book.jsonl.gz --queries queries.json
    python benchmarks/search_quality.py --background contacts.jsonl.gz --cases cases.json

A queries file holds `queries` and `unlabelled`, the lines of the book that count neither way. With `--pad` the first
80,000 contacts of another file stand behind the book, and a query's `pad` are right as well. A cases file is a list of
cases; the contacts of all of them, with 2,000 of the background behind, are one book. `search_judge.py` has the rules.
"""

import argparse
import gzip
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.client import Peer, started
from benchmarks.search_judge import Answer, Fault, Tally, case_fault, counting, faults, is_met
from benchmarks.standin import HOST, standing_in
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._models import Contact
from telecmi_mcp._search import search

_PAGE, _LIMIT, _TOOL_LIMIT = 1000, 25, 10
_PAD, _BACKGROUND = 80_000, 2_000
_NOBODY = "Zacharias Quellmalz"
_SHARES = (Fault.DENIED, Fault.MISSED, Fault.WRONG, Fault.SHY)

Engine = Callable[[str], list[Answer]]
"""Answers a query with the lines of a book, best first."""


@dataclass
class Judgement:
    """What the judge found: a tally for each class and for each half of every class."""

    classes: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    halves: tuple[Tally, Tally] = field(default_factory=lambda: (Tally(), Tally()))
    milliseconds: list[float] = field(default_factory=list)


def main() -> None:
    """Judge and print."""
    options = _options()
    if options.queries:
        book = [*contacts_of(options.book), *islice(contacts_of(options.pad), _PAD)]
        questions = json.loads(_opened(options.queries).read())
        with process_engine(book) if options.process else nullcontext(own_engine(book)) as engine:
            own = judged(engine, questions, is_padded=options.pad is not None, is_verbose=options.verbose)
        _print(own)
        if options.baselines:
            _compare(own, book, questions)
    if options.cases:
        cases = json.loads(_opened(options.cases).read())
        _judge_cases(cases, contacts_of(options.background), is_verbose=options.verbose)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--book", type=Path, help="the contacts of the queries: JSON lines, gzipped or not")
    parser.add_argument("--pad", type=Path, help="contacts that stand behind the book")
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--background", type=Path, help="contacts that stand behind those of the cases")
    parser.add_argument("--process", action="store_true", help="ask a server process on stdio, ten hits a query")
    parser.add_argument("--baselines", action="store_true", help="judge plain ways to search beside it")
    parser.add_argument("--verbose", action="store_true", help="print what is not as it should be")
    return parser.parse_args()


def own_engine(book: Sequence[Contact]) -> Engine:
    """Put a book into an index in memory and give what searches it."""
    index = Index()
    for start in range(0, len(book), _PAGE):
        index.upsert(book[start : start + _PAGE], generation=1, state={})
    places = {contact.contact_id: place for place, contact in enumerate(book)}

    def answer(query: str) -> list[Answer]:
        hits = search(index, query, limit=_LIMIT).hits
        return [Answer(places[hit.contact.contact_id], hit.match) for hit in hits]

    return answer


@contextmanager
def process_engine(book: Sequence[Contact]) -> Iterator[Engine]:
    """Start a server over a stand-in for TeleCMI that has the book, and yield what asks its tool.

    The first query, for somebody who is not there, waits until the server has read the book.
    """
    places = {contact.contact_id: place for place, contact in enumerate(book)}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "book.jsonl"
        path.write_text("\n".join(json.dumps(contact._asdict()) for contact in book), encoding="utf8")
        environment = {**os.environ, "TELECMI_TIMEOUT": "600"}
        peer = Peer("ours", (sys.executable, "-m", "telecmi_mcp", "serve"), environment)
        with (
            standing_in("--book", str(path)) as port,
            started(peer, address=f"http://{HOST}:{port}", contacts=len(book), log=Path(folder) / "log") as session,
        ):
            session.shake_hands()
            assert session.call("search_contacts", query=_NOBODY)["structuredContent"]["complete"]

            def answer(query: str) -> list[Answer]:
                found = session.call("search_contacts", query=query, limit=_TOOL_LIMIT)["structuredContent"]
                return [Answer(places[match["contact_id"]], match["match"]) for match in found["matches"]]

            yield answer


def judged(engine: Engine, questions: dict[str, Any], *, is_padded: bool, is_verbose: bool) -> Judgement:
    """Put every query to an engine; of each class the first, third ... make the first half."""
    judgement = Judgement()
    unlabelled = frozenset(questions["unlabelled"])
    seen: dict[str, int] = defaultdict(int)
    for query in questions["queries"]:
        if is_padded:
            query["gold"] = [*query["gold"], *query.get("pad", ())]
        begun = time.perf_counter()
        answers = engine(query["q"])
        judgement.milliseconds.append((time.perf_counter() - begun) * 1000)
        counted = counting(query, answers, unlabelled)
        found = list(faults(query, answers, counted))
        half = judgement.halves[seen[query["cls"]] % 2]
        seen[query["cls"]] += 1
        for tally in (judgement.classes[query["cls"]], half):
            tally.add(query, counted, found)
        if is_verbose and found:
            print(f"{query['cls']:<28} {found[0].name:<7} {query['q']!r}", *counted[:3], query["gold"][:3])
    return judgement


def _print(judgement: Judgement) -> None:
    print(f"{'':<30}    n   R@1   R@10 " + "".join(f"{fault.name.lower():>7}" for fault in _SHARES) + "  claims")
    for kind, tally in judgement.classes.items():
        print(_line(kind, tally))
    whole = Tally()
    for half in judgement.halves:
        whole.at_1 += half.at_1
        whole.at_10 += half.at_10
        whole.faults += half.faults
        whole.unanswerable += half.unanswerable
    for name, tally in (("all", whole), ("half 1", judgement.halves[0]), ("half 2", judgement.halves[1])):
        print(_line(name, tally))
    ordered = sorted(judgement.milliseconds)
    print(f"query: p50 {ordered[len(ordered) // 2]:.2f} ms, p95 {ordered[int(len(ordered) * 0.95)]:.2f} ms")


def _compare(own: Judgement, book: Sequence[Contact], questions: dict[str, Any]) -> None:
    """Print the R@1 of each class beside that of the baselines."""
    from benchmarks.search_baselines import TantivyEngine, TrigramEngine

    engines: dict[str, Engine] = {"trigram + rapidfuzz": TrigramEngine(book), "tantivy": TantivyEngine(book)}
    others = {name: judged(engine, questions, is_padded=False, is_verbose=False) for name, engine in engines.items()}
    print(f"\n{'R@1':<30}    n   ours  " + "  ".join(others))
    for kind, tally in own.classes.items():
        if tally.at_1:
            theirs = "  ".join(f"{_mean(other.classes[kind].at_1):.3f}" for other in others.values())
            print(f"{kind:<30} {len(tally.at_1):>4}  {_mean(tally.at_1):.3f}  {theirs}")
    for name, other in others.items():
        whole = [value for half in other.halves for value in half.at_1]
        print(f"{name}: R@1 {_mean(whole):.3f}")


def _line(kind: str, tally: Tally) -> str:
    shares = "".join(f"{tally.share(fault):7.3f}" for fault in _SHARES)
    claims = [f"{tally.faults.count(fault)} {fault.name.lower()}" for fault in (Fault.CLAIM, Fault.SHOWN)]
    absent = f"  {', '.join(claims)} of {tally.unanswerable}" if tally.unanswerable else ""
    return f"{kind:<30} {len(tally.at_1):>4} {_mean(tally.at_1):.3f}  {_mean(tally.at_10):.3f} {shares}{absent}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def cases_answered(
    cases: Sequence[dict[str, Any]], background: Iterable[Contact]
) -> Iterator[tuple[dict[str, Any], list[Answer]]]:
    """Answer each case from one book of all their contacts; places are those of the case's own contacts."""
    starts: dict[str, int] = {}
    book: list[Contact] = []
    for case in cases:
        key = json.dumps(case["contacts"])
        if key not in starts:
            starts[key] = len(book)
            book += [Contact(f"case-{len(book) + place}", **_filled(one)) for place, one in enumerate(case["contacts"])]
    engine = own_engine([*book, *islice(background, _BACKGROUND)])
    for case in cases:
        start = starts[json.dumps(case["contacts"])]
        yield case, [Answer(one.place - start, one.match) for one in engine(case["query"])]


def _judge_cases(cases: Sequence[dict[str, Any]], background: Iterable[Contact], *, is_verbose: bool) -> None:
    failed: list[Fault | None] = []
    for case, answers in cases_answered(cases, background):
        if not is_met(case["expect"], answers):
            failed.append(case_fault(case["expect"], answers))
            if is_verbose:
                fault = failed[-1].name if failed[-1] else ""
                print(case["kind"], "/", case["group"], fault, repr(case["query"]), *answers[:3])
    counts = ", ".join(f"{failed.count(fault)} {fault.name.lower()}" for fault in (Fault.DENIED, Fault.CLAIM))
    print(f"cases: {len(cases) - len(failed)} of {len(cases)} as expected; {counts}")


def _filled(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}


def contacts_of(path: Path | None) -> Iterator[Contact]:
    """Read contacts from JSON lines, none where there is no file."""
    if path is None:
        return
    with _opened(path) as lines:
        for line in lines:
            yield Contact(**{name: value for name, value in json.loads(line).items() if name in Contact._fields})


def _opened(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


if __name__ == "__main__":
    main()
