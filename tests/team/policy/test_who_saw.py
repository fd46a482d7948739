"""Who saw a contact, from the audit of a real server; and docs/privacy.md, whose statement removes every copy."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
from contact_store_contract import ids, people
from mcp.client import Client

from e2e.lines import PATIENCE, environment
from paths import ROOT
from team.replicas import opened_replica
from telecmi_mcp._config.keys import new_key
from telecmi_mcp._team.index.location import PostgresLocation
from telecmi_mcp._team.index.writer_locks import WriterLocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telecmi_mcp._team.db.database import Database
    from telecmi_mcp._team.index.postgres_store import PostgresStore

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"


async def get_john(url: str) -> None:
    async with Client(url) as client:
        await client.call_tool("get_contact", {"contact_id": JOHN})


def who_saw(contact_id: str, keys: Path, *words: str, lines: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "telecmi_mcp", "team", "audit", "--contact", contact_id, *words]
    env = environment(TELECMI_AUDIT_KEYS_FILE=str(keys))
    return subprocess.run(command, input=lines, capture_output=True, text=True, timeout=PATIENCE, check=False, env=env)


def test_the_audit_of_a_real_server_tells_who_saw_a_contact_to_whoever_has_the_key(tmp_path: Path) -> None:
    keys, others, packed = tmp_path / "keys", tmp_path / "others", tmp_path / "audit.log.1.gz"
    for path in (keys, others):
        path.touch(0o600)
        path.write_text(new_key(), encoding="ascii")
    with opened_replica(TELECMI_AUDIT_KEYS_FILE=str(keys)) as replica:
        anyio.run(get_john, replica.url)
        replica.stop()
    assert JOHN not in replica.said
    assert keys.read_text(encoding="ascii") not in replica.said
    packed.write_bytes(gzip.compress(replica.said.encode()))
    for done in (who_saw(JOHN, keys, lines=replica.said), who_saw(JOHN, keys, str(packed))):
        assert (done.returncode, done.stdout.count("get_contact")) == (0, 1)
    assert who_saw(JOHN.replace("d", "e"), keys, lines=replica.said).returncode == 1
    done = who_saw(JOHN, others, lines=replica.said)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Lines with another key" in done.stderr


def test_the_statement_of_the_privacy_page_removes_all_copies_and_they_are_read_again(database: Database) -> None:
    page = (ROOT / "docs" / "privacy.md").read_text(encoding="utf8")
    (statement,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    of_copies = "SELECT table_name FROM information_schema.columns WHERE column_name IN ('mirror_id', 'term_id')"
    with taken(database) as index:
        index.upsert(people(1, 2), generation=1, state={})
        assert ids(index, "Name2") == ["c2"]
    with database.connection() as connection:
        connection.execute(statement.encode())
        tables = {name for (name,) in connection.execute(of_copies).fetchall()}
    assert tables == set(re.findall(r"telecmi_mcp\.(\w+)", statement))
    with taken(database) as index:
        assert ids(index, "Name2") == []
        index.upsert(people(2), generation=1, state={})
        assert ids(index, "Name2") == ["c2"]


@contextmanager
def taken(database: Database) -> Iterator[PostgresStore]:
    """Return the copy of an account, as a replica that starts opens it."""
    locks = WriterLocks(database)
    try:
        yield PostgresLocation(database, locks, "https://telecmi.example\n1").take()
    finally:
        locks.close()
