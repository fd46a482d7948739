"""Builds the peers, measures them in alternation, prints the tables: ``python -m benchmarks [--quick]``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.answers import measure_answers
from benchmarks.bench import QUICK, Bench, Plan, sound_peers
from benchmarks.calls import measure_calls
from benchmarks.environments import WORK, all_peers, make_official
from benchmarks.far import measure_distance
from benchmarks.life import measure_rest, measure_starts
from benchmarks.paging import SIZES, measure_paging
from benchmarks.parts import measure_parts
from benchmarks.record import Record
from benchmarks.report import report, versions
from benchmarks.standin import HOST, standing_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.client import Peer

MEASUREMENTS = {
    "starts": measure_starts,
    "rest": measure_rest,
    "calls": measure_calls,
    "paging": measure_paging,
    "distance": measure_distance,
    "answers": measure_answers,
    "parts": measure_parts,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run all measurements, or the named ones."""
    arguments = _arguments(argv)
    before = os.getloadavg()
    record = Record()
    bench = Bench(peers={}, plan=QUICK if arguments.quick else Plan(), record=record, address="")
    make_official()
    bench = replace(bench, peers=_built(bench))
    with standing_in("--contacts", str(max(SIZES))) as port:
        bench = replace(bench, address=f"http://{HOST}:{port}")
        bench = replace(bench, peers=sound_peers(bench))
        for name in arguments.only or MEASUREMENTS:
            started_at = time.perf_counter()
            MEASUREMENTS[name](bench)
            _say(f"{name}: {time.perf_counter() - started_at:.0f} s")
    after = os.getloadavg()
    text = report(record, before=before, after=after)
    facts = {"versions": list(versions()), "CPUs": os.cpu_count(), "load": [before, after], **record.as_json()}
    (WORK / "results.json").write_text(json.dumps(facts, indent=1), encoding="utf8")
    (WORK / "results.md").write_text(text, encoding="utf8")
    print(text)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no idle minute: two to three minutes")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, help="measure only this")
    return parser.parse_args(argv)


def _built(bench: Bench) -> dict[str, Peer]:
    peers = {}
    for name, build in all_peers().items():
        with bench.noting(name, "installing"):
            peers[name] = build()
            _say(f"{name}: installed")
    return peers


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
