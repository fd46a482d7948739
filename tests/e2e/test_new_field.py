"""A copy of the package with one more line in `_models.py`: each command and tool has the new field."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import telecmi_mcp
from e2e.lines import PATIENCE, call, environment, started
from e2e.paged_telecmi import served_pages
from telecmi_mcp import Contact
from telecmi_mcp._index.location import FileLocation
from telecmi_mcp.sandbox import SANDBOX_TOKEN, make_contacts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="XDG folders")

VALUE = "Zebrology"
CONTACTS = [{**contact, "proof_field": VALUE} for contact in make_contacts(3)]
JOHN = CONTACTS[0]["contact_id"]
LAST_FIELD = "    job_title: Annotated[str | None, 300] = None\n"
NEW_FIELD = "    proof_field: Annotated[str | None, 100] = None\n"
COMMANDS = """
import sys
from telecmi_mcp._cli import main
assert telecmi_mcp.__file__.startswith(sys.argv[1])
for words in (["sync"], ["search", "John"], ["export", "all.csv"], ["export", "all.jsonl"]):
    assert main(words) == 0
assert main(["lookup", "all.csv", "--column", "contact_id", "--output", "completed.csv"]) == 0
"""


def copy_with_new_field(folder: Path) -> None:
    """Copy the package and add one field to the list of fields."""
    source = Path(telecmi_mcp.__file__).parent
    copy = shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / "_models.py").read_text(encoding="utf8")
    assert text.count(LAST_FIELD) == 1
    (copy / "_models.py").write_text(text.replace(LAST_FIELD, LAST_FIELD + NEW_FIELD), encoding="utf8")


async def test_a_field_that_is_added_in_one_place_is_everywhere(tmp_path: Path) -> None:
    copy_with_new_field(tmp_path)
    cache = tmp_path / "cache" / "telecmi-mcp"
    with served_pages(CONTACTS, free_pages=99) as telecmi:
        with closing(FileLocation(cache, f"{telecmi.address}\n{SANDBOX_TOKEN}")) as old:  # from before the change
            old.take().upsert([Contact(contact_id="old")], generation=1, state={})
        env = environment(
            PYTHONPATH=str(tmp_path),
            PYTHONSAFEPATH="1",
            TELECMI_BASE_URL=telecmi.address,
            TELECMI_TOKEN=SANDBOX_TOKEN,
            TELECMI_INDEX="disk",
            XDG_CACHE_HOME=str(cache.parent),
            HOME=str(tmp_path),
        )
        done = subprocess.run(  # noqa: ASYNC221 - nothing else runs in this loop
            [sys.executable, "-c", f"import telecmi_mcp{COMMANDS}", str(tmp_path)],
            env=env,
            cwd=tmp_path,
            timeout=PATIENCE,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert VALUE in done.stdout, "the table of the command search"
        await check_tools(env)
    check_files(tmp_path, cache)


async def check_tools(env: dict[str, str]) -> None:
    """Ask a server process by each tool: the table as text, the fields as data."""
    async with started("serve", env={**env, "TELECMI_TEXT": "table"}) as server:
        await server.shake_hands()
        questions: dict[str, dict[str, object]] = {
            "search_contacts": {"query": "John Doe"},
            "get_contact": {"contact_id": JOHN},
            "list_contacts": {"limit": 2},
        }
        for number, (tool, arguments) in enumerate(questions.items(), 1):
            answer = (await server.ask(call(number, tool, **arguments)))["result"]
            assert not answer["isError"], answer
            facts = answer["structuredContent"]
            (contact, *_) = facts.get("matches") or facts.get("contacts") or [facts]
            assert contact["proof_field"] == VALUE, tool
            (part,) = answer["content"]
            assert "proof_field" in part["text"], tool
            assert VALUE in part["text"], tool
        assert await server.close() == 0


def check_files(folder: Path, cache: Path) -> None:
    """Read the index on disk and the exports."""
    (index,) = cache.glob("*.db")
    with closing(sqlite3.connect(index)) as connection:
        assert connection.execute("SELECT DISTINCT proof_field FROM contact").fetchall() == [(VALUE,)]
    with (folder / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["proof_field"] for row in csv.DictReader(file)] == [VALUE] * 3
    with (folder / "completed.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["telecmi_proof_field"] for row in csv.DictReader(file)] == [VALUE] * 3
    lines = (folder / "all.jsonl").read_text(encoding="utf8").splitlines()
    assert [json.loads(line)["proof_field"] for line in lines] == [VALUE] * 3
