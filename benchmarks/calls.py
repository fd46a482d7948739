"""Measures calls one after the other and concurrently, and the memory after 20,000 of them."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.bench import BARE, CONTACTS, MILLI, PAGE
from benchmarks.book import contact_id, token
from benchmarks.environments import bare_loop, surroundings
from benchmarks.record import percentile

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.client import Session

AT_ONCE = (1, 16, 64)

_GET: dict[str, Any] = {"contact_id": contact_id(1)}
_LIST: dict[str, Any] = {"limit": PAGE}
_WARM_UP = 200


def measure_calls(bench: Bench) -> None:
    """Run all servers side by side, and send each its calls in alternation."""
    with ExitStack() as stack:
        sessions: dict[str, Session] = {}
        for peer in bench.in_turn(1):
            with bench.noting(peer.name, "calls"):
                session = stack.enter_context(bench.started(peer))
                session.shake_hands()
                _warm_up(bench, peer.name, session)
                sessions[peer.name] = session
        for number in range(bench.plan.slices):
            _measure_bare(bench)
            names = sorted(sessions, key=lambda name: (list(bench.peers).index(name) + number) % len(bench.peers))
            for name in names:
                with bench.noting(name, "calls"):
                    _measure_slice(bench, name, sessions[name])
        for name, session in sessions.items():
            with bench.noting(name, "memory"):
                _measure_memory(bench, name, session)


def _warm_up(bench: Bench, name: str, session: Session) -> None:
    session.timed(1, "get_contact", **_GET)
    bench.record.add("memory_before", name, session.resident())
    session.timed(_WARM_UP, "get_contact", **_GET)
    session.timed(_WARM_UP, "list_contacts", **_LIST)


def _measure_slice(bench: Bench, name: str, session: Session) -> None:
    for what, times, tool, arguments in (
        ("get", bench.plan.gets, "get_contact", _GET),
        ("list", bench.plan.lists, "list_contacts", _LIST),
    ):
        used = session.processor_time()
        _note_times(bench, name, what, session.timed(times, tool, **arguments))
        bench.record.add(f"{what}_cpu", name, (session.processor_time() - used) / times * MILLI)
    for at_once in AT_ONCE:
        bench.record.add(f"rate_{at_once}", name, session.rate(bench.plan.at_once, at_once, "get_contact", **_GET))


def _measure_memory(bench: Bench, name: str, session: Session) -> None:
    session.timed(max(0, bench.plan.calls - session.asked), "get_contact", **_GET)
    after = session.resident()
    bench.record.add("memory_after", name, after)
    bench.record.add("growth", name, after - bench.record.rounds["memory_before"][name][-1])


def _measure_bare(bench: Bench) -> None:
    with bench.noting(BARE, "calls"):
        _note_times(bench, BARE, "get", run_bare(bench.address, CONTACTS, _GET, calls=bench.plan.gets))
        _note_times(bench, BARE, "list", run_bare(bench.address, CONTACTS, _LIST, calls=bench.plan.lists))


def _note_times(bench: Bench, name: str, what: str, seconds: list[float]) -> None:
    for percent in (50, 99):
        bench.record.add(f"{what}_p{percent}", name, percentile(seconds, percent) * MILLI)


def run_bare(address: str, contacts: int, body: dict[str, Any], *, calls: int = 0) -> list[float]:
    """Return the seconds of the bare loop: of each call, or of one walk over all pages."""
    environment = surroundings(TELECMI_BASE_URL=address, TELECMI_TOKEN=token(contacts))
    command = bare_loop("--calls", str(calls), json.dumps(body))
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    seconds: list[float] = json.loads(done.stdout)
    return seconds
