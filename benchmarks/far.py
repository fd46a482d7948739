"""Measures calls to a TeleCMI that is 40 ms away, over TLS 1.3 with a certificate made for the run."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import trustme

from benchmarks.bench import CONTACTS, MILLI
from benchmarks.book import contact_id
from benchmarks.standin import standing_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench
    from benchmarks.client import Peer, Session

ROUND_TRIP = 0.04

# A name of loopback that telecmi-mcp does not know: for known ones it ignores SSL_CERT_FILE.
_HOST = "127.1"
_REST = 1.0
_WARM = 10


def measure_distance(bench: Bench) -> None:
    """Time a first call a second after the handshake, warm calls, and a call after a pause."""
    with _far_away() as (address, trusted):
        for _ in range(bench.plan.distances):
            with ExitStack() as stack:
                sessions: dict[str, Session] = {}
                for peer in bench.in_turn(1):
                    with bench.noting(peer.name, "far away"):
                        trusting = _trusting(peer, trusted)
                        session = stack.enter_context(bench.started(trusting, address=address))
                        session.shake_hands()
                        sessions[peer.name] = session
                _measure_round(bench, sessions)


def _measure_round(bench: Bench, sessions: dict[str, Session]) -> None:
    time.sleep(_REST)
    for name, session in sessions.items():
        with bench.noting(name, "far away"):
            bench.record.add("far_first", name, _seconds(session, 1) * MILLI)
            bench.record.add("far_warm", name, _seconds(session, _WARM) * MILLI)
    if not bench.plan.pause:
        return
    time.sleep(bench.plan.pause)
    for name, session in sessions.items():
        with bench.noting(name, "far away"):
            bench.record.add("far_idle", name, _seconds(session, 1) * MILLI)


def _seconds(session: Session, times: int) -> float:
    return median(session.timed(times, "get_contact", contact_id=contact_id(1)))


def _trusting(peer: Peer, trusted: str) -> Peer:
    return replace(peer, environment={**peer.environment, "SSL_CERT_FILE": trusted, "NODE_EXTRA_CA_CERTS": trusted})


@contextmanager
def _far_away() -> Iterator[tuple[str, str]]:
    """Yield the address of a stand-in, and the file with the certificate authority of its certificate."""
    authority = trustme.CA()
    certificate = authority.issue_cert(_HOST, "127.0.0.1")  # Node turns the one into the other
    with TemporaryDirectory() as folder:
        trusted, own = Path(folder, "authority.pem"), Path(folder, "own.pem")
        authority.cert_pem.write_to_path(str(trusted))
        certificate.private_key_and_cert_chain_pem.write_to_path(str(own))
        options = ("--contacts", str(CONTACTS), "--delay", str(ROUND_TRIP), "--certificate", str(own))
        with standing_in(*options) as port:
            yield f"https://{_HOST}:{port}", str(trusted)
