"""Figures of parts that have a program of their own beside this one: the mirror and the search."""

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
_MIRROR = re.compile(r"^mirror in memory +[\d.]+ s +(?P<share>[\d.]+)$", re.MULTILINE)
_SEARCH = re.compile(r"^query: p50 (?P<p50>[\d.]+), p95 (?P<p95>[\d.]+)", re.MULTILINE)
# The larger data set is not part of the project: where it is, it lies beside it.
_SAMPLES = {
    10_000: (ROOT / "tests" / "samples" / "search", "10k"),
    100_000: (ROOT.parent / "shared" / "search", "100k"),
}


def measure_parts(bench: Bench) -> None:
    """Run the programs and note what they print."""
    is_quick = bench.plan is QUICK
    with bench.noting("mirror", "100 ms away"):
        told = ("--contacts", "1000", "--rounds", "1") if is_quick else ()
        for found in _found(_MIRROR, "mirror.py", *told):
            bench.record.add("mirror_share", OURS, float(found["share"]))
    for size, (folder, ending) in _SAMPLES.items():
        if is_quick and size > min(_SAMPLES):
            continue
        with bench.noting("search", f"among {size:,}"):
            queries = [str(folder / f"{name}-{ending}.json.gz") for name in ("dev", "val")]
            contacts = str(folder / f"contacts-{ending}.jsonl.gz")
            for found in _found(_SEARCH, "search.py", "--contacts", contacts, "--queries", *queries):
                bench.record.add(f"search_p50_{size}", OURS, float(found["p50"]))
                bench.record.add(f"search_p95_{size}", OURS, float(found["p95"]))


def _found(pattern: re.Pattern[str], program: str, *told: str) -> list[re.Match[str]]:
    """What a program prints that matters here.

    Raises:
        FileNotFoundError: The program, or what it is to read, is not there.
        LookupError: It says nothing of the kind.
    """
    for path in (_HERE / program, *(Path(word) for word in told if word.endswith(".gz"))):
        if not path.exists():
            raise FileNotFoundError(f"{path.name} is not there")
    done = subprocess.run([sys.executable, str(_HERE / program), *told], cwd=ROOT, capture_output=True, check=True)
    found = list(pattern.finditer(done.stdout.decode()))
    if not found:
        raise LookupError(f"{program} printed no figures")
    return found
