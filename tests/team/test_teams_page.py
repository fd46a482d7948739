"""docs/teams.md: its commands are run, in their order, and its backup is restored."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from e2e.lines import environment
from team.ports import free_port
from team.postgres import PASSWORD, programs
from team.telecmi import opened_telecmi, user

if TYPE_CHECKING:
    from team.postgres import Cluster

PAGE = (Path(__file__).parents[2] / "docs" / "teams.md").read_text(encoding="utf8")
ADDRESS = "postgresql://telecmi@localhost:5432/telecmi?"
PATIENCE = 120
AMAL = user("amal", 101)


def script(cluster: Cluster, name: str) -> str:
    """The blocks that are run, with another port and another database."""
    blocks = re.findall(r"```sh run\n(.*?)```", PAGE, re.DOTALL)
    ours = f"postgresql://team@127.0.0.1:{cluster.port}/{name}?"
    text = "\n".join(blocks)
    assert "127.0.0.1:8000" in text
    assert ADDRESS in text
    return text.replace("127.0.0.1:8000", f"127.0.0.1:{free_port()}").replace(ADDRESS, ours)


def test_the_commands_of_the_page_do_what_it_says(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    passwords = tmp_path / "secrets" / "pgpass"
    passwords.touch(0o600)
    passwords.write_text(f"*:*:*:*:{PASSWORD}\n", encoding="utf8")
    (tmp_path / "password").write_text(f"{AMAL.password}\n", encoding="utf8")
    with cluster.database() as name, cluster.database() as another, opened_telecmi(AMAL) as telecmi:
        path = os.pathsep.join([str(Path(sys.executable).parent), str(programs()), os.environ["PATH"]])
        env = environment(PATH=path, TELECMI_BASE_URL=telecmi)
        words = ["sh", "-euc", script(cluster, name)]
        done = subprocess.run(
            words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr
        restore(cluster, tmp_path / "backup", another)
        with psycopg.connect(cluster.url(another).get_secret_value()) as connection:
            kept = connection.execute(
                "SELECT (SELECT count(*) FROM telecmi_mcp.issued_key), (SELECT count(*) FROM telecmi_mcp.sign_in)"
            ).fetchone()
    assert "alive" in done.stdout
    assert '"isError":false' in done.stdout
    assert (tmp_path / "amal.key").read_text(encoding="utf8").startswith("tmk_")
    assert kept == (2, 1)  # a key, the one that it replaces, and a sign-in
    assert AMAL.password not in done.stdout + done.stderr


def restore(cluster: Cluster, backup: Path, name: str) -> None:
    words = [
        str(programs() / "pg_restore"),
        "--no-owner",
        "--dbname",
        cluster.url(name).get_secret_value(),
        str(backup),
    ]
    subprocess.run(words, check=True, capture_output=True, timeout=PATIENCE)
