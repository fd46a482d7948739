"""Measures the contact search: what it finds, how long it takes, and how much room it needs.

    python benchmarks/search.py --contacts contacts.jsonl.gz --queries dev.json val.json.gz --backend fts5

A queries file is a JSON list of `{cls, q, gold, neutral}`; gold and neutral are line numbers of the contacts file,
from 0. R@k is the part of min(k, right ones) that is found among the first k, neutral ones left aside.
"""

import argparse
import gc
import gzip
import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._models import Contact
from telecmi_mcp._search import search

_PAGE = 100
_TOP = 10
_NONE, _ABSENT = ("nonsense", "nonsense_phone", "nonsense_email"), "absent_combo"


@dataclass
class Recall:
    """What was found, by class of query."""

    at_1: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    at_10: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    something_for_nonsense: list[bool] = field(default_factory=list)
    absent_is_partial: list[bool] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        size = sum(1 for _ in _contacts(options.contacts, options.limit))
        _say(f"{size:,} contacts, {options.backend}, Python {sys.version.split()[0]}")
        before = _resident()
        index, positions = _in_memory(options)
        gc.collect()
        _say(f"memory: {(_resident() - before) / 2**20:.1f} MiB more with the index in memory")
        for path in options.queries:
            _report(path, _recall(index, positions, json.loads(_opened(path).read())))
        index.close()
        _measure_disk(options, Path(folder) / "index.db", size)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--contacts", type=Path, required=True, help="JSON lines, gzipped or not")
    parser.add_argument("--queries", type=Path, nargs="+", required=True)
    parser.add_argument("--backend", choices=("fts5", "plain"), default="fts5")
    parser.add_argument("--limit", type=int, default=sys.maxsize, help="contacts to read, the first ones")
    return parser.parse_args()


def _in_memory(options: argparse.Namespace) -> tuple[Index, dict[str, int]]:
    index = Index(backend=options.backend)
    positions: dict[str, int] = {}
    times: list[float] = []
    begun = time.perf_counter()
    for page in _pages(options):
        positions |= {contact.contact_id: place for place, contact in enumerate(page, len(positions))}
        times.append(_timed(index, page, 1))
    _say(f"load in memory: {time.perf_counter() - begun:.2f} s; page of {_PAGE} written: {_spread(times)} ms")
    return index, positions


def _measure_disk(options: argparse.Namespace, path: Path, size: int) -> None:
    index = Index(path, backend=options.backend)
    _say(f"on disk, page of {_PAGE} written: {_spread([_timed(index, page, 1) for page in _pages(options)])} ms")
    _say(f"on disk, unchanged page: {_spread([_timed(index, page, 2) for page in _pages(options)])} ms")
    begun = time.perf_counter()
    index.compact()
    _say(f"scrub: {time.perf_counter() - begun:.2f} s; {path.stat().st_size / size:.0f} bytes a contact on disk")
    index.close()
    names = [contact.first_name for contact in _contacts(options.contacts, size)]
    some = random.Random(5).sample(names, 20)  # noqa: S311 - a sample, no secret
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        times = [pool.apply(_cold, (path, name)) for name in some]
    _say(f"first answer from disk in a fresh process: {_spread(times)} ms")


def _cold(path: Path, name: str) -> float:
    begun = time.perf_counter()
    index = Index(path, read_only=True)
    search(index, name, limit=_TOP)
    taken = time.perf_counter() - begun
    index.close()
    return taken * 1000


def _timed(index: Index, page: Sequence[Contact], generation: int) -> float:
    begun = time.perf_counter()
    index.upsert(page, generation=generation, state={"cursor": "x"})
    return (time.perf_counter() - begun) * 1000


def _recall(index: Index, positions: dict[str, int], queries: list[dict[str, Any]]) -> Recall:
    recall = Recall()
    for query in queries:
        begun = time.perf_counter()
        hits = search(index, query["q"], limit=_TOP + len(query["neutral"])).hits
        recall.milliseconds.append((time.perf_counter() - begun) * 1000)
        found = [positions[hit.contact.contact_id] for hit in hits]
        kind, right = query["cls"], set(query["gold"])
        if kind in _NONE:
            recall.something_for_nonsense.append(bool(found))
        elif kind == _ABSENT:
            recall.absent_is_partial.append(all(hit.match == "partial" for hit in hits))
        else:
            counted = [place for place in found if place not in query["neutral"]]
            recall.at_1[kind].append(_at(1, counted, right))
            recall.at_10[kind].append(_at(_TOP, counted, right))
    return recall


def _at(count: int, found: list[int], right: set[int]) -> float:
    return sum(place in right for place in found[:count]) / min(count, len(right))


def _report(path: Path, recall: Recall) -> None:
    _say(f"\n{path.name:<26}    n    R@1   R@10")
    for kind in sorted(recall.at_1):
        _say_row(kind, recall.at_1[kind], recall.at_10[kind])
    _say_row("all", [*_chained(recall.at_1)], [*_chained(recall.at_10)])
    _say(f"something for nonsense {_mean(recall.something_for_nonsense):.3f}")
    _say(f"absent company is partial, or nothing {_mean(recall.absent_is_partial):.3f}")
    _say(f"query: {_spread(recall.milliseconds)} ms\n")


def _chained(by_kind: dict[str, list[float]]) -> Iterator[float]:
    return (value for values in by_kind.values() for value in values)


def _say_row(kind: str, at_1: list[float], at_10: list[float]) -> None:
    _say(f"{kind:<26} {len(at_1):>4}  {_mean(at_1):.3f}  {_mean(at_10):.3f}")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _spread(times: list[float]) -> str:
    ordered = sorted(times)
    return f"p50 {ordered[len(ordered) // 2]:.2f}, p95 {ordered[int(len(ordered) * 0.95)]:.2f}, max {ordered[-1]:.2f}"


def _pages(options: argparse.Namespace) -> Iterator[list[Contact]]:
    page: list[Contact] = []
    for contact in _contacts(options.contacts, options.limit):
        page.append(contact)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


def _contacts(path: Path, limit: int) -> Iterator[Contact]:
    with _opened(path) as lines:
        for place, line in enumerate(lines):
            if place == limit:
                return
            yield Contact(**json.loads(line))


def _opened(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _resident() -> int:
    """Give the memory this process holds now; where the system does not say, the most it ever held."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
