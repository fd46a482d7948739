"""``telecmi-mcp team setup`` at a real terminal and in scripts, over a real database, until the server serves."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path
from select import select
from typing import TYPE_CHECKING

import httpx2
import pytest

from e2e.lines import PATIENCE, environment
from team.ports import free_port, wait_for
from team.postgres import PASSWORD
from telecmi_mcp._team.setup.settings_file import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from team.postgres import Cluster

PUBLIC = "https://contacts.example.com/mcp"
TELECMI_PASSWORD = 'telecmi "secret"\\ $HOME 91'
COMMAND = [sys.executable, "-m", "telecmi_mcp", "team"]
OWNER = ["--service-user", "daemon"] if os.geteuid() == 0 else []
DATABASE, HIDDEN = "empty for none): ", "hidden): "


def talk(folder: Path, answers: Sequence[tuple[str, str]], *words: str) -> tuple[int, str]:
    """Run ``team setup`` at a terminal, answer each question once it is asked; return the exit code and the screen."""
    main, terminal = pty.openpty()
    command = [*COMMAND, "setup", *OWNER, *words]
    with subprocess.Popen(
        command, cwd=folder, env=_environ(), stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    ) as process:
        os.close(terminal)
        try:
            screen, seen = "", 0
            for question, answer in answers:
                while question not in screen[seen:]:
                    piece = _read(main)
                    assert piece, screen
                    screen += piece
                seen = len(screen)
                os.write(main, f"{answer}\n".encode())
            while piece := _read(main):
                screen += piece
            return process.wait(PATIENCE), screen.replace("\r\n", "\n")
        finally:
            process.kill()
            os.close(main)


def _read(main: int) -> str:
    """Return what appears next on the screen; "" at its end."""
    ready, _, _ = select([main], [], [], PATIENCE)
    assert ready
    try:
        return os.read(main, 4096).decode()
    except OSError:  # no process has the other end
        return ""


def _environ() -> dict[str, str]:
    return environment(PYTHONPATH=str(Path(__file__).parents[3]), PYTHONUTF8="1")


def run(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env={**_environ(), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def address(cluster: Cluster, name: str) -> str:
    return cluster.url(name).get_secret_value().replace(f":{PASSWORD}@", "@")


def test_answers_at_a_terminal_become_a_server_that_serves(cluster: Cluster, tmp_path: Path) -> None:
    with cluster.database() as name:
        answers = [
            (DATABASE, cluster.url(name).get_secret_value().replace(PASSWORD, "typed-visibly")),
            (DATABASE, address(cluster, f"{name}x")),
            (HIDDEN, PASSWORD),
            (DATABASE, address(cluster, name)),
            (HIDDEN, "wrong"),
            (DATABASE, address(cluster, name)),
            (HIDDEN, PASSWORD),
            ("only this machine calls): ", "http://contacts.example.com/mcp"),
            ("only this machine calls): ", PUBLIC),
            ("Who may call", "friends"),
            ("Who may call", ""),
            ("Whose TeleCMI sign-in", ""),
            ("user id", "103_1111112"),
            (HIDDEN, TELECMI_PASSWORD),
        ]
        port = free_port()
        code, screen = talk(tmp_path, answers, "--http", str(port))
        assert code == 0, screen
        for said in (
            "a password is asked for apart",
            "has no database of this name",
            "refuses the user, the password",
            "with the needed rights",
            "Correct TELECMI_PUBLIC_URL",
            "Answer keys or oauth",
            "key add NAME",
        ):
            assert said in screen
        assert PASSWORD not in screen
        assert TELECMI_PASSWORD not in screen
        _serves(tmp_path / "telecmi-team", port)


def _serves(folder: Path, port: int) -> None:
    """Start the server with the settings file, as sh reads it, and add a key with the same file."""
    secrets = {path.name: path.read_text(encoding="utf8") for path in folder.iterdir()}
    assert secrets["telecmi_password"] == f"{TELECMI_PASSWORD}\n"
    assert [name for name, text in secrets.items() if PASSWORD in text] == ["pgpass"]
    added = run(folder, "--settings", "settings.env", "key", "add", "amal")
    assert added.stdout.startswith("tmk_"), added.stderr
    script = f"set -a; . ./settings.env; set +a; exec {shlex.join([*COMMAND[:-1], 'serve', '--http'])}"
    with subprocess.Popen(["/bin/sh", "-euc", script], cwd=folder, env=_environ(), stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(port, server)
            headers = {"Host": "contacts.example.com", "Accept": "application/json, text/event-stream"}
            asked = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            url = f"http://127.0.0.1:{port}/mcp"
            refused = httpx2.post(url, json=asked, headers=headers)
            bearer = {"Authorization": f"Bearer {added.stdout.strip()}"}
            taken = httpx2.post(url, json=asked, headers=headers | bearer)
            checked = json.loads(run(folder, "--settings", "settings.env", "check", "--json").stdout)
        finally:
            server.terminate()
    assert (refused.status_code, taken.status_code) == (401, 200)
    verdicts = {finding["about"]: finding["verdict"] for finding in checked["findings"]}
    good = ("Database", "Schema", "Keys", "Copies", "Server", "TeleCMI user")
    assert [verdicts[about] for about in good] == ["good"] * len(good)
    assert verdicts["Public URL"] == "bad"  # nobody has this name


def test_a_script_gives_everything_as_flags_and_files_and_keys_are_never_replaced(
    cluster: Cluster, tmp_path: Path
) -> None:
    words = ["setup", *OWNER, "--callers", "keys", "--public-url", PUBLIC, "--sign-ins", "callers"]
    with cluster.database() as name:
        (tmp_path / "url").touch(0o600)
        (tmp_path / "url").write_text(f"{cluster.url(name).get_secret_value()}\n", encoding="utf8")
        done = run(tmp_path, *words, "--database-url-file", "url")
        assert (done.returncode, done.stderr) == (0, "")
        folder = tmp_path / "telecmi-team"
        keys = [(folder / name).read_text(encoding="utf8") for name in ("encryption_keys", "audit_keys")]
        assert "sign-in NAME" in done.stdout
        assert PASSWORD not in done.stdout
        assert not any(key.strip() in done.stdout for key in keys)
        again = run(tmp_path, *words, "--database-url-file", "url", "--force", "--timeout", "20")
        assert again.returncode == 0, again.stderr
    assert [(folder / name).read_text(encoding="utf8") for name in ("encryption_keys", "audit_keys")] == keys
    values = read_settings(folder / "settings.env")
    assert (values["TELECMI_TIMEOUT"], values["TELECMI_DATABASE_URL"], values["TELECMI_AUDIT_KEYS_FILE"]) == (
        "20",
        f"{address(cluster, name)}?passfile={folder}/pgpass",
        f"{folder}/audit_keys",
    )


def test_a_password_of_the_user_who_runs_the_setup_is_not_taken_for_the_servers(
    cluster: Cluster, tmp_path: Path
) -> None:
    words = ["setup", *OWNER, "--callers", "keys", "--public-url", PUBLIC]
    with cluster.database() as name:
        done = run(tmp_path, *words, TELECMI_DATABASE_URL=address(cluster, name), PGPASSWORD=PASSWORD)
    assert (done.returncode, done.stdout) == (2, "")
    assert "it asks for a password, and there is none" in done.stderr


def test_input_that_ends_ends_the_setup(tmp_path: Path) -> None:
    code, screen = talk(tmp_path, [(DATABASE, ""), ("only this machine calls): ", "\x04")])
    assert (code, "the input has ended" in screen) == (2, True)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:1"])
def test_an_issuer_that_does_not_answer_is_asked_for_again(tmp_path: Path, issuer: str) -> None:
    answers = [
        (DATABASE, ""),
        ("only this machine calls): ", PUBLIC),
        ("Who may call", "oauth"),
        ("OAuth issuer", issuer),
        ("OAuth issuer", "\x04"),
    ]
    code, screen = talk(tmp_path, answers)
    assert (code, "its keys cannot be read" in screen) == (2, True)
