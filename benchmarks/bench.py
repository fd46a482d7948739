"""Describes one run: the servers, the number of rounds, and the results so far."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.book import contact, contact_id
from benchmarks.client import LIFETIME, PeerFailedError, Session, started
from benchmarks.environments import WORK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.client import Peer
    from benchmarks.record import Record

BARE = "bare httpx2 loop"
PAGE = 100
CONTACTS = 1000  # for the calls; only paging needs more
MILLI = 1000

_FIRST_TRY = 30.0
_FAILURES = (PeerFailedError, OSError, subprocess.SubprocessError, LookupError, ValueError)


@dataclass(frozen=True, slots=True)
class Plan:
    """Number of rounds of each measurement.

    Attributes:
        starts: Rounds of start, first answer and exit.
        idles: Rounds of memory before and after the first call, a second after the start.
        slices: Rounds of calls; each has this number of gets, lists, and concurrent calls.
        calls: Calls in total before the memory is read again.
        walks: Rounds of paging 10,000 contacts, and 100,000.
        distances: Rounds with a delay.
        pause: Seconds without a call before the last delayed call; 0 leaves it out.
    """

    starts: int = 15
    idles: int = 5
    slices: int = 7
    gets: int = 1000
    lists: int = 300
    at_once: int = 1000
    calls: int = 20_000
    walks: tuple[int, int] = (5, 3)
    distances: int = 3
    pause: int = 60


QUICK = Plan(
    starts=5, idles=2, slices=3, gets=200, lists=60, at_once=200, calls=1500, walks=(2, 1), distances=1, pause=0
)


@dataclass(frozen=True, slots=True)
class Bench:
    """Input of every measurement.

    Attributes:
        address: Address of the stand-in without a delay.
    """

    peers: Mapping[str, Peer]
    plan: Plan
    record: Record
    address: str

    def in_turn(self, rounds: int) -> Iterator[Peer]:
        """Yield every server once a round; each round begins with another one."""
        peers = list(self.peers.values())
        for number in range(rounds):
            first = number % len(peers)
            yield from peers[first:] + peers[:first]

    @contextmanager
    def noting(self, name: str, what: str) -> Iterator[None]:
        """Record a failure of one server, and continue with the others."""
        try:
            yield
        except _FAILURES as why:
            said = getattr(why, "stderr", None) or str(why).encode()
            self.record.failures[f"{name}, {what}"] = f"{type(why).__name__}: {said[-300:].decode(errors='replace')}"

    @contextmanager
    def started(
        self, peer: Peer, *, address: str = "", contacts: int = CONTACTS, lifetime: float = LIFETIME
    ) -> Iterator[Session]:
        """Start a server, and end it in any case."""
        log = WORK / "logs" / f"{''.join(filter(str.isalnum, peer.name))}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        place = address or self.address
        with started(peer, address=place, contacts=contacts, log=log, lifetime=lifetime) as session:
            yield session


def check_answers(session: Session) -> None:
    """Check that a server returns the right contacts as structured content.

    Raises:
        PeerFailedError: It does not.
    """
    session.shake_hands()
    page = session.call("list_contacts", limit=PAGE)["structuredContent"]
    one = session.call("get_contact", contact_id=contact_id(1))["structuredContent"]
    (alone,) = one.get("contacts", [one])
    if [_known(each) for each in page["contacts"]] != [_known(contact(place)) for place in range(PAGE)]:
        raise PeerFailedError("the page is not what TeleCMI's stand-in gave")
    if _known(alone) != _known(contact(1)):
        raise PeerFailedError("the contact is not what TeleCMI's stand-in gave")


def _known(facts: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value is not None}


def sound_peers(bench: Bench) -> dict[str, Peer]:
    """Return the servers that start and answer correctly; the system then has their files in its cache."""
    sound = {}
    for name, peer in bench.peers.items():
        with bench.noting(name, "first try"), bench.started(peer, lifetime=_FIRST_TRY) as session:
            check_answers(session)
            with suppress(subprocess.TimeoutExpired):
                session.close()
            sound[name] = peer
    return sound
