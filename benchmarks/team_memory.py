"""What memory one replica of a team's server takes: 200 callers of one account, then more accounts.

    make bench-team-memory ARGS="--accounts 20"

The callers have access keys and sign-ins in PostgreSQL, and each of them searches, gets a contact and lists a page over
a connection of its own. Then each further account gets a caller, who does the same once the account's index is
complete. Memory is that of the process after each step (``VmRSS``). The callers and the accounts speak both versions of
the protocol.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from pydantic import SecretStr

from benchmarks.book import contact, contact_id, token
from benchmarks.http_servers import UNLIMITED, Server, running
from benchmarks.standin import HOST, standing_in
from benchmarks.team_callers import LEGACY, MODERN, Wire
from benchmarks.team_load import read_whole
from benchmarks.team_processes import connections, memory
from team.postgres import Cluster, open_cluster
from telecmi_mcp._auth.credentials import Account, Credentials
from telecmi_mcp._config.keys import new_key
from telecmi_mcp._team.accounts.credential_store import TeamSignIns
from telecmi_mcp._team.accounts.encryption import Vault
from telecmi_mcp._team.auth.access_keys import add_key
from telecmi_mcp._team.db.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SIGNED_IN_AT = 1.0  # a token of any age is used until TeleCMI refuses it
_PAGE = 25
_SEARCHED = 40  # different contacts that the callers search for


class Replica(NamedTuple):
    """A server process, and what its callers need."""

    server: Server
    cluster: Cluster
    name: str
    base_url: str
    vault_key: str

    def key(self, caller: str, account: int, size: int) -> str:
        """Make an access key for a caller, with a sign-in of an account that has so many contacts."""
        return asyncio.run(self._key(caller, account, size))

    async def _key(self, caller: str, account: int, size: int) -> str:
        url = self.cluster.url(self.name)
        with psycopg.connect(url.get_secret_value()) as connection:
            key = add_key(connection, caller).get_secret_value()
        database = Database(url)
        database.open()
        try:
            user = Account(self.base_url, f"{account}_1111112")
            sign_ins = TeamSignIns(database, Vault([SecretStr(self.vault_key)]))
            await sign_ins.keep(caller, Credentials(user, SecretStr(token(size)), _SIGNED_IN_AT))
        finally:
            database.close()
        return key

    def memory(self) -> float:
        """Return its MiB."""
        return memory(self.server.pid)

    def connections(self) -> int:
        """Return how many connections it has to PostgreSQL."""
        return connections(self.server.pid, self.cluster.port)


@contextmanager
def open_replica(contacts: int) -> Iterator[Replica]:
    """Run one replica with a PostgreSQL server, before a stand-in for TeleCMI with so many contacts."""
    vault_key = new_key()
    with (
        tempfile.TemporaryDirectory() as folder,
        standing_in("--contacts", str(contacts)) as port,
        open_cluster() as cluster,
        cluster.database() as name,
    ):
        base_url = f"http://{HOST}:{port}"
        variables = {
            "TELECMI_BASE_URL": base_url,
            "TELECMI_CALLERS": "keys",
            "TELECMI_SIGN_INS": "callers",
            "TELECMI_DATABASE_URL": cluster.url(name).get_secret_value(),
            "TELECMI_ENCRYPTION_KEYS": vault_key,
            **UNLIMITED,
        }
        words = [sys.executable, "-m", "telecmi_mcp", "serve", "--http", f"{HOST}:PORT"]
        with running("replica", words, Path(folder) / "log", folder=None, **variables) as server:
            yield Replica(server, cluster, name, base_url, vault_key)


async def call_all(wires: Sequence[Wire], size: int, *, at_once: int = 1) -> None:
    """Let each caller search, get and list, so many at once; the connections stay open."""
    await read_whole(wires[0])
    async with asyncio.TaskGroup() as tasks:
        for first in range(at_once):
            tasks.create_task(_call_in_a_row(wires, range(first, len(wires), at_once), size))


async def _call_in_a_row(wires: Sequence[Wire], places: range, size: int) -> None:
    for place in places:
        await _call(wires[place], place, size)


async def _call(wire: Wire, place: int, size: int) -> None:
    person = contact(place % _SEARCHED)
    calls = (
        ("search_contacts", {"query": f"{person['first_name']} {person['last_name']}"}),
        ("get_contact", {"contact_id": contact_id(place % size)}),
        ("list_contacts", {"limit": _PAGE}),
    )
    for tool, arguments in calls:
        result = await wire.call(tool, arguments)
        assert not result.get("isError"), result


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Measure, and yield the lines of the report."""
    with open_replica(max(options.contacts, options.each)) as replica, asyncio.Runner() as runner:
        yield f"at rest: {replica.memory():.1f} MiB"
        keys = [replica.key(f"caller-{number}", 0, options.contacts) for number in range(options.callers)]
        wires = [replica.server.wire((LEGACY, MODERN)[number % 2], key) for number, key in enumerate(keys)]
        runner.run(call_all(wires[:1], options.contacts))
        yield f"1 caller, {options.contacts:,} contacts: {replica.memory():.1f} MiB"
        for at_once in options.at_once:
            for _ in range(options.rounds):
                runner.run(call_all(wires, options.contacts, at_once=at_once))
            yield f"{len(wires)} callers, {at_once} at once: {replica.memory():.1f} MiB, {_sockets(replica)}"
        more = [replica.key(f"account-{number}", number, options.each) for number in range(1, options.accounts + 1)]
        before = replica.memory()
        for number, key in enumerate(more, 1):
            wires.append(replica.server.wire((LEGACY, MODERN)[number % 2], key))
            for _ in range(options.rounds):
                runner.run(call_all(wires[-1:], options.each))
            yield f"{number} further accounts of {options.each:,} contacts: {replica.memory():.1f} MiB"
        each = (replica.memory() - before) / max(1, options.accounts)
        yield f"for each further account: {each:.2f} MiB, {_sockets(replica)}"
        for wire in wires:
            runner.run(_close(wire))


async def _close(wire: Wire) -> None:
    wire.close()


def _sockets(replica: Replica) -> str:
    return f"{replica.connections()} connections to PostgreSQL"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--at-once", type=int, nargs="+", default=[16, 200], help="how many of them call at once")
    parser.add_argument("--contacts", type=int, default=10_000, help="of the account of those callers")
    parser.add_argument("--accounts", type=int, default=10, help="further accounts")
    parser.add_argument("--each", type=int, default=1000, help="contacts of each further account")
    parser.add_argument("--rounds", type=int, default=3, help="how often each caller calls each tool")
    for line in measure(parser.parse_args(argv)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
