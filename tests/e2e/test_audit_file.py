"""The audit file of real processes: no early answer in it, each call, and the command that reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from e2e.lines import PATIENCE, call, environment, request, started

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes and XDG folders")

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"


@pytest.mark.slow
async def test_two_servers_write_to_one_file_and_the_command_says_who_saw_a_contact(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    env = environment(TELECMI_AUDIT_FILE=str(path), XDG_STATE_HOME=str(tmp_path), LOGNAME="amal")
    async with started(env=env) as first, started(env=env) as second:
        for server in (first, second):
            await server.shake_hands()
            await server.ask(request(1, "tools/list"))
            await server.ask(call(2, "get_contact", contact_id=JOHN))
        assert [await server.close() for server in (first, second)] == [0, 0]
    lines = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    assert [(line["caller"], line["tool"]) for line in lines] == [("amal", "get_contact")] * 2
    assert path.stat().st_mode & 0o777 == 0o600
    done = audit(env, JOHN)
    assert (done.returncode, done.stdout.count("get_contact")) == (0, 2)
    (tmp_path / "telecmi-mcp" / "audit-keys").unlink()
    assert audit(env, JOHN).returncode == 2


@pytest.mark.slow
def test_a_server_whose_audit_cannot_be_written_does_not_start(tmp_path: Path) -> None:
    env = environment(TELECMI_AUDIT_FILE=str(tmp_path / "missing" / "audit.log"))
    words = [sys.executable, "-m", "telecmi_mcp", "serve", "--sandbox"]
    done = subprocess.run(
        words,
        input=json.dumps(call(1, "list_contacts")),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=env,
    )
    assert done.returncode == 2
    assert done.stderr == "telecmi-mcp: Correct TELECMI_AUDIT_FILE: its folder does not exist.\n"


def audit(env: dict[str, str], contact_id: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "telecmi_mcp", "audit", "--contact", contact_id]
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False, env=env)
