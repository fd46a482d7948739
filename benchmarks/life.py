"""Measures start, first answer, memory at rest and exit of a server."""

from __future__ import annotations

import time
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING

from benchmarks.bench import MILLI
from benchmarks.book import contact_id
from benchmarks.environments import limits

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.client import Peer, Session

_REST = 1.0


def measure_starts(bench: Bench) -> None:
    """Measure the time from the start to the list of tools and to the first contact, and of the exit."""
    for peer in bench.in_turn(bench.plan.starts):
        with bench.noting(peer.name, "start"), bench.started(peer) as session:
            session.shake_hands()
            listed = time.perf_counter() - session.started_at
            session.call("get_contact", contact_id=contact_id(1))
            answered = time.perf_counter() - session.started_at
            left = session.close()
            for figure, seconds in (("start", listed), ("first", answered), ("exit", left)):
                bench.record.add(figure, peer.name, seconds * MILLI)


def measure_rest(bench: Bench) -> None:
    """Read the memory a second after the list of tools, time a first call, and read the memory again.

    One more call after another second shows the cost of an idle process that has nothing left to prepare.
    """
    turns = bench.in_turn(bench.plan.idles)
    for _ in range(bench.plan.idles):
        with ExitStack() as stack:
            sessions: list[tuple[Peer, Session]] = []
            # The first call wakes the client and the stand-in too.
            for peer in (*islice(turns, len(bench.peers)), *limits().values()):
                with bench.noting(peer.name, "at rest"):
                    session = stack.enter_context(bench.started(peer))
                    session.shake_hands()
                    sessions.append((peer, session))
            time.sleep(_REST)
            for peer, session in sessions:
                with bench.noting(peer.name, "at rest"):
                    _measure_first_call(bench, peer.name, session)
            time.sleep(_REST)
            for peer, session in sessions:
                with bench.noting(peer.name, "at rest"):
                    (again,) = session.timed(1, "get_contact", contact_id=contact_id(1))
                    bench.record.add("rested", peer.name, again * MILLI)


def _measure_first_call(bench: Bench, name: str, session: Session) -> None:
    idle = session.resident()
    (first,) = session.timed(1, "get_contact", contact_id=contact_id(1))
    bench.record.add("idle_memory", name, idle)
    bench.record.add("first_later", name, first * MILLI)
    bench.record.add("used_memory", name, session.resident())
