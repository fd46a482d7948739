"""The version before keys with limits and this one on one database, under load, replica after replica.

The older code comes from the history of the repository: the commit before the one that added the migration. The tests
of the older version's queries, which need no history, are in auth/test_limited_keys.py.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from benchmarks.book import token
from benchmarks.standin import standing_in
from benchmarks.team_callers import ANSWERED, MODERN, Caller, Lost, Wire
from benchmarks.team_load import open_wires, read_whole
from e2e.lines import PATIENCE, environment
from team.postgres import open_cluster
from team.stage import Stage

if TYPE_CHECKING:
    from benchmarks.team_callers import Call
    from team.stage import Replica

ROOT = Path(__file__).parents[2]
MIGRATION = "telecmi_mcp/_team/db/migrations/0008_limited_keys.sql"
CONTACTS, CALLERS = 500, 8
REFUSED = "HTTP 401"


def git(*words: str) -> bytes:
    program = shutil.which("git")
    if program is None:
        return b""
    done = subprocess.run([program, "-C", str(ROOT), *words], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables with which a process runs the older code."""
    added = git("log", "--diff-filter=A", "--format=%H", "--", MIGRATION).split()
    archive = git("archive", f"{added[-1].decode()}^", "telecmi_mcp") if added else b""
    if not archive:
        pytest.skip("the history of the repository is not here")
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    assert not (folder / MIGRATION).exists()
    variables = {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
    script = "import telecmi_mcp; print(telecmi_mcp.__file__)"
    words = [sys.executable, "-c", script]
    found = subprocess.run(words, capture_output=True, text=True, check=True, env=environment(**variables)).stdout
    assert found.startswith(str(folder))
    return variables


@dataclass
class Seen:
    """What the callers and single keys saw.

    Attributes:
        calls: The calls of the load.
        answers: What each replica answered to a key: ("before", "limited", 0), and an outcome.
        migrations: What the command said of the migrations.
        has_key: Names that the older version's command refused, because they have a key.
    """

    calls: list[Call] = field(default_factory=list)
    answers: dict[tuple[str, str, int], str] = field(default_factory=dict)
    migrations: str = ""
    has_key: list[str] = field(default_factory=list)


async def outcome(replica: Replica, key: str, tool: str = "list_contacts") -> str:
    """What one replica answers to a key."""
    wire = Wire(f"http://127.0.0.1:{replica.port}/mcp", key, MODERN, None)
    try:
        result = await wire.call(tool, {"limit": 1} if tool == "list_contacts" else {"query": "Priya"})
    except Lost as why:
        return str(why)
    finally:
        wire.close()
    return result["content"][0]["text"] if result.get("isError") else ANSWERED


class Upgrade:
    """Replaces the older replicas under load, and asks each replica for each kind of key."""

    def __init__(self, stage: Stage, older: dict[str, str], callers: list[str]) -> None:
        self.stage = stage
        self.older = older
        self.callers = callers
        self.keys: dict[str, str] = {}
        self.seen = Seen()

    async def run(self) -> None:
        """Do it in the order of docs/teams.md, and one thing too early."""
        add = ("team", "key", "add")
        self.seen.migrations = await self.command("team", "migrate")
        await self.replace(self.stage.replicas[1])
        self.keys["limited"] = await self.command(*add, "limited", "--tools", "list_contacts")
        self.keys["masked"] = await self.command(*add, "masked", "--mask", "phone_no")
        self.keys["ending"] = await self.command(*add, "ending", "--expires", "1d")
        self.keys["whole"] = await self.command(*add, "whole")
        await self.ask("side by side", newest="whole")
        await self.try_older_commands()
        await self.replace(self.stage.replicas[0])
        await self.ask("after", newest="whole")
        self.keys["rotated"] = await self.command("team", "key", "rotate", "caller-0")  # whose first key calls on
        await self.ask("rotated", newest="rotated")

    async def command(self, *words: str) -> str:
        return (await asyncio.to_thread(self.stage.run, *words)).strip()

    async def replace(self, replica: Replica) -> None:
        assert await asyncio.to_thread(replica.stop) == 0
        await asyncio.to_thread(replica.start)

    async def ask(self, when: str, *, newest: str) -> None:
        for number, replica in enumerate(self.stage.replicas):
            while await outcome(replica, self.keys[newest]) == REFUSED:  # noqa: ASYNC110 - a replica tells of no new key
                await asyncio.sleep(0.1)
            for name, key in self.keys.items():
                self.seen.answers[when, name, number] = await outcome(replica, key)
            self.seen.answers[when, "limited search", number] = await outcome(
                replica, self.keys["limited"], "search_contacts"
            )

    async def try_older_commands(self) -> None:
        """Add a key for each name with the older version's command."""
        for name in self.keys:
            try:
                await asyncio.to_thread(self.stage.run, "team", "key", "add", name, **self.older)
            except AssertionError as why:
                assert "it has a key already" in str(why)
                self.seen.has_key.append(name)

    async def watched(self) -> Seen:
        """Run it while callers call through nginx, and until each has called twice more."""
        over = asyncio.Event()
        wires = open_wires(self.stage, self.callers)
        await read_whole(wires[0])

        async def work(caller: Caller) -> None:
            left = 2
            while left:
                self.seen.calls.append(await caller.call_once())
                left -= over.is_set()
            caller.wire.close()

        async with asyncio.TaskGroup() as tasks:
            for seed, wire in enumerate(wires):
                tasks.create_task(work(Caller(wire, seed=seed, contacts=CONTACTS, pause=0)))
            await self.run()
            over.set()
        return self.seen


@pytest.fixture(scope="module")
def seen(older: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("upgrade")
    with (
        standing_in("--contacts", str(CONTACTS), "--delay", "0.01") as port,
        open_cluster() as cluster,
        cluster.database() as name,
    ):
        variables = {"TELECMI_BASE_URL": f"http://127.0.0.1:{port}", "TELECMI_TOKEN": token(CONTACTS)}
        stage = Stage(folder, cluster, name, variables)
        with stage.running(**older):
            with psycopg.connect(cluster.url(name).get_secret_value()) as connection:
                assert connection.execute("SELECT max(number) FROM telecmi_mcp.migration").fetchone() == (7,)
            keys = [stage.run("team", "key", "add", f"caller-{each}", **older).strip() for each in range(CALLERS)]
            return asyncio.run(asyncio.wait_for(Upgrade(stage, older, keys).watched(), 4 * PATIENCE))


def test_no_call_is_lost_while_the_replicas_are_replaced(seen: Seen) -> None:
    assert seen.migrations == "1 migration applied."
    assert [call for call in seen.calls if call.lost] == []
    assert {call.outcome for call in seen.calls} == {ANSWERED}
    assert len(seen.calls) > 10 * CALLERS


def test_the_older_version_refuses_every_key_with_a_limit(seen: Seen) -> None:
    names = ("whole", "limited", "masked", "ending")
    old, new = ({name: seen.answers["side by side", name, number] for name in names} for number in (0, 1))
    assert old == {"whole": ANSWERED, "limited": REFUSED, "masked": REFUSED, "ending": REFUSED}
    assert {name: new[name] for name in names if name != "masked"} == {
        "whole": ANSWERED,
        "limited": ANSWERED,
        "ending": ANSWERED,
    }


def test_the_older_versions_command_makes_no_key_beside_one_with_a_limit(seen: Seen) -> None:
    assert seen.has_key == ["limited", "masked", "ending", "whole"]


def test_afterwards_both_replicas_accept_all_keys_within_their_limits(seen: Seen) -> None:
    for number in (0, 1):
        for name in ("whole", "limited", "ending", "rotated"):
            assert seen.answers["rotated", name, number] == ANSWERED
        assert "this key does not allow this call" in seen.answers["after", "limited search", number]
