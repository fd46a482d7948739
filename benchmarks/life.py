"""What a server costs before and after its work: start, first answer, memory at rest, exit."""

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
    """Time the way from the start to the list of tools, to the first contact, and from the end of input to the exit."""
    for peer in bench.in_turn(bench.plan.starts):
        with bench.noting(peer.name, "start"), bench.started(peer) as session:
            session.shake_hands()
            listed = time.perf_counter() - session.begun
            session.call("get_contact", contact_id=contact_id(1))
            answered = time.perf_counter() - session.begun
            left = session.close()
            for figure, seconds in (("start", listed), ("first", answered), ("exit", left)):
                bench.record.add(figure, peer.name, seconds * MILLI)


def measure_rest(bench: Bench) -> None:
    """Read the memory a second after the list of tools, then time a first call and read it again.

    After another second comes one more call: what a process that has rested takes, when nothing is left to prepare.
    """
    turns = bench.in_turn(bench.plan.idles)
    for _ in range(bench.plan.idles):
        with ExitStack() as stack:
            sessions: list[tuple[Peer, Session]] = []
            # Whoever is first wakes the client and the stand-in too.
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
