"""A TeleCMI of several accounts that misbehaves: ``python -m benchmarks.team_hostile``.

It plays the fault that a request names (benchmarks/team_accounts.py) and answers all other requests rightly, often with
surplus bytes of another account (tests/hostile.py). Bytes that come after the next request was written cannot be told
from its answer. So only the first account meets those, and they are answers to earlier requests on that connection.
Some connections meet a fault before their first request. The program listens on loopback, prints its port as one line,
and ends with its input. Then it prints what it saw as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from benchmarks.standin import HOST
from benchmarks.team_accounts import AT_ONCE, NUMBERED, Account, asked_for
from faults.plays import answer
from faults.server import Visit
from hostile import AFTER_THE_NEXT_REQUEST, LATE, TRICKS

if TYPE_CHECKING:
    from collections.abc import Sequence

_SURPLUS_SHARE = 0.3  # of good answers
_AT_ONCE_SHARE = 0.01  # of connections
_GAP_S = 0.01  # between two pieces, so that the first is read alone
_PROMPT = [trick for trick in TRICKS.values() if trick not in LATE]
_REFUSED = {"code": 404, "error": True, "msg": "no such token"}


@dataclass(slots=True)
class SeenIds:
    """What the stand-in saw.

    Attributes:
        requests: How many requests came.
        connections: How many connections came.
        shared: How many connections had requests of two accounts.
        at_once: How many connections met a fault before their first request.
        followed: How many connections came to where a redirect leads.
        surplus: How many answers had surplus bytes.
        played: How often each fault was played.
    """

    requests: int = 0
    connections: int = 0
    shared: int = 0
    at_once: int = 0
    followed: int = 0
    surplus: int = 0
    played: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _AccountVisit(Visit):
    """A connection with one request to answer.

    Attributes:
        account: Whose request it is.
        asked: The request.
        reply: The body of the right answer.
        others: A whole answer to another account.
    """

    account: Account | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    reply: bytes = b""
    others: bytes = b""

    async def send(self, *pieces: bytes) -> None:
        """Send the pieces, each in a segment of its own, in the name of the account."""
        for number, piece in enumerate(pieces):
            await asyncio.sleep(_GAP_S if number else 0)
            self.writer.write(self.account.disguised(piece, self.asked) if self.account else piece)
            await self.writer.drain()


class HostileTelecmi:
    """Answers the requests of all accounts."""

    def __init__(self, accounts: Sequence[Account], delay: float) -> None:
        self.seen = SeenIds()
        self._accounts = {account.token: account for account in accounts}
        self._all = accounts
        self._delay = delay
        self._rng = random.Random(7)  # noqa: S311 - the same choice each time, nothing secret
        self._tries: Counter[str] = Counter()
        self.elsewhere = ""

    async def follow(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count a connection to where a redirect leads."""
        self.seen.followed += 1
        writer.close()

    async def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until either side closes it."""
        self.seen.connections += 1
        with suppress(OSError, EOFError, asyncio.CancelledError):
            await self._converse(_AccountVisit(reader, writer, self.elsewhere, bytearray()))
        writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def _converse(self, visit: _AccountVisit) -> None:
        if self._rng.random() < _AT_ONCE_SHARE:
            self.seen.at_once += 1
            await self._rng.choice(AT_ONCE).script[0].run(visit)
            return
        stays = True
        while stays:
            visit.asked = await _read_request(visit.reader)
            self.seen.requests += 1
            account = self._accounts.get(visit.asked.get("token", ""))
            self.seen.shared += visit.account not in {None, account}
            visit.account = account
            await asyncio.sleep(self._delay)
            stays = await self._answer(visit, account)

    async def _answer(self, visit: _AccountVisit, account: Account | None) -> bool:
        """Answer one request, and say whether the connection is kept."""
        number = asked_for(visit.asked)
        if account is None or number is None:
            await self._answer_rightly(visit, account)
            return True
        fault = NUMBERED[number]
        self.seen.played[fault.name] += 1
        name = visit.asked.get("contact_id") or visit.asked["page_state"]
        play = fault.script[min(self._tries[name], len(fault.script) - 1)]
        self._tries[name] += 1
        await play.run(visit)
        return play.stays

    async def _answer_rightly(self, visit: _AccountVisit, account: Account | None) -> None:
        visit.reply = _reply(account, visit.asked)
        other = self._rng.choice([each for each in self._all if each is not account])
        visit.others = answer(_reply(other, _asked_of(other, visit.asked)))
        if self._rng.random() >= _SURPLUS_SHARE:
            await visit.send(answer(visit.reply))
            return
        self.seen.surplus += 1
        is_first = account is self._all[0]
        trick = self._rng.choice([*TRICKS.values(), AFTER_THE_NEXT_REQUEST] if is_first else _PROMPT)
        if account is not None and trick in LATE:  # a connection's late bytes are answers to its own earlier requests
            visit.others = answer(_reply(account, _asked_of(account, visit.asked)))
        await trick(visit)


async def _read_request(reader: asyncio.StreamReader) -> dict[str, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    asked: dict[str, Any] = json.loads(await reader.readexactly(length))
    return asked


def _asked_of(account: Account, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the same request as another account's: its answer has that account's contacts."""
    if "contact_id" in asked:
        return {"contact_id": account.contact_id(0)}
    return {"limit": asked.get("limit", 10)}


def _reply(account: Account | None, asked: dict[str, Any]) -> bytes:
    if account is None or "password" in asked:
        return json.dumps(_REFUSED).encode()
    if "contact_id" in asked:
        place = int(asked["contact_id"].rpartition("-")[2], 16)
        is_known = asked["contact_id"] == account.contact_id(place) and place < account.size
        found = {"code": 200, "contacts": [account.contact(place)], "count": account.size}
        return json.dumps(found if is_known else _REFUSED).encode()
    place = int(asked.get("page_state", "0").rpartition("-")[2])
    return json.dumps(account.page(place, asked.get("limit", 10))).encode()


async def serve(arguments: argparse.Namespace) -> None:
    """Answer until input ends."""
    telecmi = HostileTelecmi(
        [Account(number, arguments.contacts) for number in range(arguments.accounts)], arguments.delay
    )
    trap = await asyncio.start_server(telecmi.follow, HOST, 0)
    telecmi.elsewhere = f"http://{HOST}:{trap.sockets[0].getsockname()[1]}"
    server = await asyncio.start_server(telecmi.welcome, HOST, 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({each.name: getattr(telecmi.seen, each.name) for each in fields(SeenIds)}), flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stand-in."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=8)
    parser.add_argument("--contacts", type=int, default=250, help="of each account")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before an answer")
    asyncio.run(serve(parser.parse_args(argv)))


if __name__ == "__main__":
    main()
