"""One run: who is measured, how often, against what, and what has been noted so far."""

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
CONTACTS = 1000  # of which the calls are about; only paging needs more
MILLI = 1000

_FIRST_TRY = 30.0
_FAILURES = (PeerFailedError, OSError, subprocess.SubprocessError, LookupError, ValueError)


@dataclass(frozen=True, slots=True)
class Plan:
    """How often everything is done.

    Attributes:
        starts: Rounds of start, first answer and exit.
        idles: Rounds of memory before and after the first call, a second after the start.
        slices: Rounds of calls; in each so many gets, lists, and calls at once.
        calls: Calls in all after which the memory is read again.
        walks: Rounds of paging 10,000 contacts, and 100,000.
        distances: Rounds far away.
        pause: Seconds without a call before the last one far away; 0 leaves it out.
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
    """What every measurement is handed.

    Attributes:
        address: Where the stand-in without distance is.
    """

    peers: Mapping[str, Peer]
    plan: Plan
    record: Record
    address: str

    def in_turn(self, rounds: int) -> Iterator[Peer]:
        """Give every server once a round, each round beginning with another one."""
        peers = list(self.peers.values())
        for number in range(rounds):
            first = number % len(peers)
            yield from peers[first:] + peers[:first]

    @contextmanager
    def noting(self, name: str, what: str) -> Iterator[None]:
        """Note a failure of one server, and go on with the others."""
        try:
            yield
        except _FAILURES as why:
            said = getattr(why, "stderr", None) or str(why).encode()
            self.record.failures[f"{name}, {what}"] = f"{type(why).__name__}: {said[-300:].decode(errors='replace')}"

    @contextmanager
    def started(
        self, peer: Peer, *, address: str = "", contacts: int = CONTACTS, lifetime: float = LIFETIME
    ) -> Iterator[Session]:
        """Start a server and end it whatever happens."""
        log = WORK / "logs" / f"{''.join(filter(str.isalnum, peer.name))}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        place = address or self.address
        with started(peer, address=place, contacts=contacts, log=log, lifetime=lifetime) as session:
            yield session


def check_answers(session: Session) -> None:
    """See that a server gives the contacts that were asked for, in the half that clients prefer.

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
    """Return the servers that start and answer rightly; this also leaves their files in the system's cache."""
    sound = {}
    for name, peer in bench.peers.items():
        with bench.noting(name, "first try"), bench.started(peer, lifetime=_FIRST_TRY) as session:
            check_answers(session)
            with suppress(subprocess.TimeoutExpired):
                session.close()
            sound[name] = peer
    return sound
