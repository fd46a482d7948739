"""Writes a record as tables: the targets, the figures of all servers, and the circumstances of the run."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.answers import AS_TABLE, COMPACT, PRETTY, TSV, WITHOUT_NULLS
from benchmarks.bench import BARE
from benchmarks.environments import LIMITS, OURS, PINS, ROOT, SOURCES, all_peers
from benchmarks.table import NOTHING, number, spread, table
from benchmarks.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.record import Record
    from benchmarks.targets import Target

_QUIET = 0.25  # load average for each CPU, above which the machine counts as busy


@dataclass(frozen=True, slots=True)
class Section:
    """One table: a heading, the servers as rows, and the figures with their titles as columns."""

    heading: str
    peers: tuple[str, ...]
    figures: dict[str, str]


_PEERS = tuple(all_peers())
_SHAPES = (COMPACT, WITHOUT_NULLS, TSV, PRETTY)

SECTIONS = (
    Section(
        "Start, memory, exit",
        (*_PEERS, *LIMITS),
        {
            "start": "start to tools/list, ms",
            "first": "to the first answer, ms",
            "first_later": "first call a second later, ms",
            "rested": "call after another second, ms",
            "exit": "exit, ms",
            "idle_memory": "memory at rest, MiB",
            "used_memory": "after one call, MiB",
            "memory_after": "after all calls, MiB",
            "growth": "growth since the first call, MiB",
        },
    ),
    Section(
        "Calls",
        (*_PEERS, BARE),
        {
            "get_p50": "get p50, ms",
            "get_p99": "get p99, ms",
            "list_p50": "list of 100 p50, ms",
            "list_p99": "list of 100 p99, ms",
            "get_cpu": "CPU of a get, ms",
            "list_cpu": "CPU of a list of 100, ms",
            "rate_1": "gets a second, one at a time",
            "rate_16": "16 at once",
            "rate_64": "64 at once",
        },
    ),
    Section(
        "Paging by cursor, 100 a page",
        (*_PEERS, BARE),
        {
            "walk_10000": "10,000 contacts, ms",
            "walk_100000": "100,000 contacts, ms",
            "share_10000": "speed against the bare loop, 10,000",
            "share_100000": "100,000",
        },
    ),
    Section(
        "40 ms away with TLS",
        _PEERS,
        {
            "far_first": "first call a second after the handshake, ms",
            "far_warm": "warm call, ms",
            "far_idle": "call after 60 s, ms",
        },
    ),
    Section(
        "Tokens (o200k): tools/list, and answers",
        (*_PEERS, AS_TABLE, *_SHAPES),
        {
            "tools_in_tokens": "names, descriptions, input schemas",
            "tools_out_tokens": "output schemas",
            "contact_structured_tokens": "contact, structured half",
            "contact_text_tokens": "text half",
            "page_structured_tokens": "page of 100, structured half",
            "page_text_tokens": "text half",
        },
    ),
    Section(
        "Bytes: tools/list, and answers",
        (*_PEERS, AS_TABLE, *_SHAPES),
        {
            "tools_in_bytes": "names, descriptions, input schemas",
            "tools_out_bytes": "output schemas",
            "contact_structured_bytes": "contact, structured half",
            "contact_text_bytes": "text half",
            "page_structured_bytes": "page of 100, structured half",
            "page_text_bytes": "text half",
        },
    ),
    Section(
        "Sync and search",
        (OURS,),
        {
            "sync_share": "sync at 100 ms, time against the bare loop",
            "search_p50_10000": "search p50 among 10,000, ms",
            "search_p95_10000": "p95",
            "search_p50_100000": "search p50 among 100,000, ms",
            "search_p95_100000": "p95",
        },
    ),
)


def report(record: Record, *, before: Sequence[float], after: Sequence[float]) -> str:
    """Write the whole report; the two sequences are the load averages before and after the run."""
    parts = ["### Targets", _targets(record)]
    for section in SECTIONS:
        if rows := _rows(record, section):
            parts += [f"### {section.heading}", table(_head(record, section), rows)]
    if record.failures:
        parts += [
            "### What failed",
            table(["where", "why"], [[where, _line(why)] for where, why in record.failures.items()]),
        ]
    parts += ["### Circumstances", *circumstances(before, after)]
    return "\n\n".join(parts) + "\n"


def circumstances(before: Sequence[float], after: Sequence[float]) -> Iterator[str]:
    """Yield the machine and the versions, and whether the machine was busy."""
    if before[0] > _QUIET * (os.cpu_count() or 1):
        yield "**The machine was busy before the run began: these figures are for orientation only.**"
    loads = " and ".join(" ".join(f"{load:.2f}" for load in loads) for loads in (before, after))
    yield f"{os.cpu_count()} CPUs ({_processor()}), {platform.system()}; load averages before and after: {loads}."
    yield ", ".join(versions()) + "."


def versions() -> Iterator[str]:
    """Yield the exact versions of what was measured."""
    yield f"{OURS} {_output_of('git', '-C', str(ROOT), 'describe', '--always', '--dirty')}"
    yield f"Python {platform.python_version()}"
    pins = "\n".join(path.read_text(encoding="ascii") for path in PINS.values())
    for name in ("mcp", "httpx2", "pydantic", "anyio", "fastmcp", "bpe-openai"):
        found = re.search(rf"^{name}==(.+)$", pins, re.MULTILINE)
        yield f"{name} {found[1] if found else '?'}"
    package = re.search(
        r'"(@modelcontextprotocol/server)": "(.+)"', (SOURCES / "package.json").read_text(encoding="ascii")
    )
    yield f"{package[1]} {package[2]}" if package else "?"
    yield f"Node {_output_of('node', '--version')}"


def _targets(record: Record) -> str:
    head = ["what", "target", "reached", ""]
    return table(head, [[target.what, _bound(target), *_verdict(target, record)] for target in TARGETS])


def _bound(target: Target) -> str:
    return f"at {'least' if target.at_least else 'most'} {target.bound:g}{target.unit}"


def _verdict(target: Target, record: Record) -> tuple[str, str]:
    reached = target.reached(record)
    if reached is None:
        return "not measured", ""
    return f"{number(reached)}{target.unit}", "met" if target.is_met(reached) else "**not met**"


def _head(record: Record, section: Section) -> list[str]:
    return ["", *(f"{title}{_rounds(record, figure)}" for figure, title in section.figures.items())]


def _rows(record: Record, section: Section) -> list[list[str]]:
    rows = [[peer, *(spread(record.spread(figure, peer)) for figure in section.figures)] for peer in section.peers]
    return [row for row in rows if set(row[1:]) != {NOTHING}]


def _rounds(record: Record, figure: str) -> str:
    rounds = {len(values) for values in record.rounds.get(figure, {}).values()}
    return f" ({max(rounds)})" if rounds and max(rounds) > 1 else ""


def _line(words: str) -> str:
    return " ".join(words.replace("|", "/").split())


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", path.read_text(encoding="utf8")) if path.exists() else None
    return found[1] if found else platform.machine()


def _output_of(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return "(absent)"
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
