"""Runs the programs that measure the sync and the search, and reads their figures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import QUICK
from benchmarks.environments import OURS, ROOT

if TYPE_CHECKING:
    from benchmarks.bench import Bench

_HERE = Path(__file__).parent
_SYNC = re.compile(r"^sync in memory +[\d.]+ s +(?P<share>[\d.]+)$", re.MULTILINE)
_SEARCH = re.compile(r"^query: p50 (?P<p50>[\d.]+), p95 (?P<p95>[\d.]+)", re.MULTILINE)
# The larger data set is not part of the project; it may be in a folder beside it.
_SAMPLES = {
    10_000: (ROOT / "tests" / "samples" / "search", "10k"),
    100_000: (ROOT.parent / "shared" / "search", "100k"),
}


def measure_parts(bench: Bench) -> None:
    """Run the programs and record their figures."""
    is_quick = bench.plan is QUICK
    with bench.noting("sync", "100 ms away"):
        options = ("--contacts", "1000", "--rounds", "1") if is_quick else ()
        for found in _found(_SYNC, "mirror.py", *options):
            bench.record.add("sync_share", OURS, float(found["share"]))
    for size, (folder, ending) in _SAMPLES.items():
        if is_quick and size > min(_SAMPLES):
            continue
        with bench.noting("search", f"among {size:,}"):
            queries = [str(folder / f"{name}-{ending}.json.gz") for name in ("dev", "val")]
            contacts = str(folder / f"contacts-{ending}.jsonl.gz")
            for found in _found(_SEARCH, "search.py", "--contacts", contacts, "--queries", *queries):
                bench.record.add(f"search_p50_{size}", OURS, float(found["p50"]))
                bench.record.add(f"search_p95_{size}", OURS, float(found["p95"]))


def _found(pattern: re.Pattern[str], program: str, *options: str) -> list[re.Match[str]]:
    """Return the figures in the output of a program.

    Raises:
        FileNotFoundError: The program or its input does not exist.
        LookupError: The output has no such figures.
    """
    for path in (_HERE / program, *(Path(word) for word in options if word.endswith(".gz"))):
        if not path.exists():
            raise FileNotFoundError(f"{path.name} is not there")
    done = subprocess.run([sys.executable, str(_HERE / program), *options], cwd=ROOT, capture_output=True, check=True)
    found = list(pattern.finditer(done.stdout.decode()))
    if not found:
        raise LookupError(f"{program} printed no figures")
    return found
