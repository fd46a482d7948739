"""Measures paging through all contacts, 100 a page, against the bare httpx2 loop of the same round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.bench import BARE, MILLI, PAGE
from benchmarks.calls import run_bare
from benchmarks.client import PeerFailedError

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.client import Peer

SIZES = (10_000, 100_000)


def measure_paging(bench: Bench) -> None:
    """Page through both numbers of contacts with every server."""
    for size, rounds in zip(SIZES, bench.plan.walks, strict=True):
        for _ in range(rounds):
            _measure_round(bench, size)


def _measure_round(bench: Bench, size: int) -> None:
    (bare,) = run_bare(bench.address, size, {"limit": PAGE})
    bench.record.add(f"walk_{size}", BARE, bare * MILLI)
    for peer in bench.in_turn(1):
        with bench.noting(peer.name, f"paging {size:,}"):
            seconds = _walk(bench, peer, size)
            bench.record.add(f"walk_{size}", peer.name, seconds * MILLI)
            bench.record.add(f"share_{size}", peer.name, bare / seconds)


def _walk(bench: Bench, peer: Peer, size: int) -> float:
    with bench.started(peer, contacts=size) as session:
        session.shake_hands()
        session.call("list_contacts", limit=PAGE)  # connects
        pages, seconds = session.walk(PAGE)
    if pages != size // PAGE:
        raise PeerFailedError(f"{pages} pages of {size // PAGE}")
    return seconds
