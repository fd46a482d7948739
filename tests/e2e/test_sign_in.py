"""Signing in with the real commands: terminals, files, exit codes, and secrets that show nowhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import pytest
from secret_encodings import encodings_of

from e2e.lines import PATIENCE, call, environment, started
from e2e.telecmi import Telecmi, opened_telecmi
from telecmi_mcp._config.distribution import requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "103_1111112"
PASSWORD = "pass word/ä+sings=in.the.mine-5Kq1"
TOKENS = ["first/token+sings=8Zx3-Wd7f", "second/token+sings=4Lm9-Pq2v"]
IN_FILE = ["--store", "file", "--password-stdin", "--user-id", USER]

SECRETS = [PASSWORD, *TOKENS]


@pytest.fixture
def telecmi() -> Iterator[Telecmi]:
    """A TeleCMI that knows the user."""
    with opened_telecmi(USER, PASSWORD, *TOKENS) as opened:
        yield opened


def variables(telecmi: Telecmi, home: Path, **more: str) -> dict[str, str]:
    """An environment with a home of its own."""
    places = {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "TELECMI_BASE_URL": telecmi.url}
    return environment(**places, PYTHONUTF8="1", **more)


def run(env: dict[str, str], *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with a text on its standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "telecmi_mcp", *words],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=env,
    )
    assert_silent(done.stdout, done.stderr)
    return done


def assert_silent(*texts: str) -> None:
    for text in texts:
        for song in [song for secret in SECRETS for song in encodings_of(secret)]:
            assert song not in text, text


def assert_only_the_store_sings(home: Path) -> None:
    for path in home.rglob("*"):
        if path.is_file() and path.name != "secrets.json":
            assert_silent(str(path), path.read_bytes().decode("utf8", "replace"))


def test_login_check_logout(telecmi: Telecmi, tmp_path: Path) -> None:
    env = variables(telecmi, tmp_path)
    done = run(env, "login", *IN_FILE, given=f"{PASSWORD}\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Signed in as Jo [removed] [removed] ({USER}) at {telecmi.url}." in done.stdout
    assert "30 days: until 20" in done.stdout
    store = tmp_path / "state" / "telecmi-mcp" / "secrets.json"
    kept = store.read_text(encoding="utf8")
    assert TOKENS[0] in kept
    assert "password" not in kept
    screen = run(env, "check").stdout
    assert f"telecmi-mcp login, in a file of mode 0600, user {USER}" in screen
    assert "issued 0 days ago, valid for about 30 days; not renewed automatically" in screen
    done = run(env, "logout")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no way to revoke a token" in done.stdout
    assert not store.exists()
    assert run(env, "logout").stdout == f"Nothing is stored for any user at {telecmi.url}.\n"


@pytest.mark.slow
def test_logout_removes_the_users_index_and_a_renewed_token_keeps_it(telecmi: Telecmi, tmp_path: Path) -> None:
    env = {**variables(telecmi, tmp_path), "TELECMI_INDEX": "disk", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for _ in range(2):  # a second sign-in of the same user brings another token
        assert run(env, "login", *IN_FILE, given=f"{PASSWORD}\n").returncode == 0
        assert run(env, "sync").returncode == 0
        (index,) = (tmp_path / "cache").rglob("*.db")
        assert index.name in run(env, "index", "status").stdout
        assert_silent(index.name, index.read_bytes().decode("utf8", "replace"))
    assert run(env, "logout").returncode == 0
    assert not list((tmp_path / "cache").rglob("*.db*"))


IN_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


@pytest.mark.skipif(sys.platform == "win32", reason="it has no pty")
def test_the_password_is_asked_for_on_a_real_terminal_and_not_shown(telecmi: Telecmi, tmp_path: Path) -> None:
    words = [sys.executable, "-c", IN_A_TERMINAL, sys.executable, "-m", "telecmi_mcp", "login", "--store", "file"]
    with subprocess.Popen(
        words, stdin=PIPE, stdout=PIPE, stderr=subprocess.STDOUT, env=variables(telecmi, tmp_path)
    ) as process:
        assert process.stdin is not None
        shown = read_until(process, "(such as 103_1111112): ")
        process.stdin.write(f"{USER}\n".encode())
        process.stdin.flush()
        shown += read_until(process, "(input is hidden): ")
        cmdline = Path(f"/proc/{process.pid}/cmdline")
        shown += cmdline.read_text(encoding="utf8") if cmdline.exists() else ""
        process.stdin.write(f"{PASSWORD}\n".encode())
        process.stdin.flush()
        shown += read_until(process, "")
        assert process.wait(timeout=PATIENCE) == 0, shown
    assert "Signed in as" in shown
    assert USER in shown  # what is typed elsewhere shows, so the terminal does echo
    assert_silent(shown)
    assert telecmi.passwords == [PASSWORD]


def read_until(process: subprocess.Popen[bytes], words: str) -> str:
    """What the terminal shows until these words; all of it for none."""
    assert process.stdout is not None
    shown = b""
    while not (words and shown.endswith(words.encode())):
        piece = process.stdout.read(1)
        if not piece:
            assert not words, shown
            break
        shown += piece
    return shown.decode("utf8", "replace")


def test_without_a_terminal_the_password_is_not_asked_for(telecmi: Telecmi, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "telecmi_mcp", "login", "--store", "file", "--user-id", USER]
    done = subprocess.run(
        words,
        input=f"{PASSWORD}\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=variables(telecmi, tmp_path),
        start_new_session=True,
    )
    assert done.returncode == 2
    assert done.stderr == "telecmi-mcp: Use --password-stdin: there is no terminal to ask for the password.\n"
    assert telecmi.passwords == []


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [(200, b"<html>login</html>", "a web page or empty"), (200, b'{"code": 200, "msg": "ok"}', "without a token")],
)
@pytest.mark.slow
def test_a_telecmi_that_answers_oddly_is_one_sentence_and_exit_code_3(
    telecmi: Telecmi, tmp_path: Path, status: int, body: bytes, sentence: str
) -> None:
    telecmi.login_answer = (status, body)
    done = run(variables(telecmi, tmp_path), "login", *IN_FILE, given=f"{PASSWORD}\n")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert sentence in done.stderr
    assert telecmi.passwords == [PASSWORD]


@pytest.mark.slow
def test_a_wrong_password_no_network_and_no_keyring_are_one_sentence_each(telecmi: Telecmi, tmp_path: Path) -> None:
    env = variables(telecmi, tmp_path)
    wrong = run(env, "login", *IN_FILE, given="wrong\n")
    assert (wrong.returncode, wrong.stdout) == (4, "")
    assert "Check the TeleCMI user id and password" in wrong.stderr
    away = run({**env, "TELECMI_BASE_URL": "http://127.0.0.1:9"}, "login", *IN_FILE, given=f"{PASSWORD}\n")
    assert (away.returncode, away.stderr.count("\n")) == (3, 1)
    assert "could not be reached" in away.stderr
    env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    none = run(env, "login", "--password-stdin", "--user-id", USER, given=f"{PASSWORD}\n")
    assert (none.returncode, none.stderr.count("\n")) == (3, 1)
    assert "--store file" in none.stderr
    assert telecmi.passwords == ["wrong"]


WITHOUT_THE_EXTRA = """
import sys
sys.modules["keyring"] = None
from telecmi_mcp._config.distribution import requirement
from telecmi_mcp._cli import main
sys.exit(main(["login", "--user-id", "1_1", "--password-stdin"]))
"""


def test_without_the_extra_it_says_what_to_install(telecmi: Telecmi, tmp_path: Path) -> None:
    words = [sys.executable, "-c", WITHOUT_THE_EXTRA]
    env = variables(telecmi, tmp_path)
    done = subprocess.run(words, input="x\n", capture_output=True, text=True, check=False, timeout=PATIENCE, env=env)
    assert done.returncode == 3
    assert f"Install {requirement('keyring')}, or run telecmi-mcp login --user-id 1_1 --store file" in done.stderr


@pytest.mark.slow
def test_a_password_that_was_refused_is_not_sent_by_the_next_process_until_a_person_signs_in(
    telecmi: Telecmi, tmp_path: Path
) -> None:
    env = variables(telecmi, tmp_path, TELECMI_USER_ID=USER, TELECMI_PASSWORD=PASSWORD)
    telecmi.password = "unknown"  # locked, perhaps
    for _ in range(2):
        assert json.loads(run(env, "check", "--json").stdout)["accepts_token"] is False
    telecmi.password = PASSWORD
    assert telecmi.passwords == [PASSWORD]
    assert run(env, "login", *IN_FILE, given=f"{PASSWORD}\n").returncode == 0
    assert json.loads(run(env, "check", "--json").stdout)["ok"] is True
    assert_only_the_store_sings(tmp_path)


@pytest.mark.slow
async def test_a_server_renews_a_dead_token_and_no_secret_shows_anywhere(telecmi: Telecmi, tmp_path: Path) -> None:
    env = variables(telecmi, tmp_path, TELECMI_LOG_LEVEL="DEBUG", PYTHONDEVMODE="1")
    assert run(env, "login", *IN_FILE, "--remember-password", given=f"{PASSWORD}\n").returncode == 0
    store = tmp_path / "state" / "telecmi-mcp" / "secrets.json"
    age(store, seconds=3600)
    telecmi.valid = ""  # the token dies
    async with started("serve", env=env) as server:
        seen: list[Any] = [await server.shake_hands()]
        seen.append(answered := await server.ask(call(1, "list_contacts")))
        assert answered["result"]["structuredContent"]["contacts"][0]["company"] == "knows [removed]"
        seen.append(await server.ask(call(2, "get_contact", contact_id="d3b07384-d113-4ec5-a5ae-be81d6e3c239")))
        telecmi.valid = ""
        seen.append(refused := await server.ask(call(3, "list_contacts")))
        assert refused["result"]["isError"]
        cmdline = Path(f"/proc/{server.process.pid}/cmdline")
        seen.append(cmdline.read_text(encoding="utf8") if cmdline.exists() else "")  # noqa: ASYNC240 - a short look
        assert await server.close() == 0
        seen.append(logged := await server.errors())
    assert "token_refused" in logged
    assert_silent(*map(str, seen))
    assert telecmi.passwords == [PASSWORD] * 2
    assert TOKENS[1] in store.read_text(encoding="utf8")
    assert_only_the_store_sings(tmp_path)


def age(store: Path, *, seconds: float) -> None:
    """Make the kept token older than one that was just minted."""
    texts = json.loads(store.read_text(encoding="utf8"))
    for key, text in texts.items():
        facts = json.loads(text)
        texts[key] = json.dumps({**facts, "issued_at": facts["issued_at"] - seconds})
    store.write_text(json.dumps(texts), encoding="utf8")


CRASH = """
import sys
import telecmi_mcp._auth.login as login

async def crash(self, body):
    raise RuntimeError(str(body))

login.Login._request = crash
from telecmi_mcp._cli import main
sys.exit(main(["serve"]))
"""


@pytest.mark.slow
async def test_a_crash_in_a_login_tells_neither_the_model_nor_the_log(telecmi: Telecmi, tmp_path: Path) -> None:
    env = variables(telecmi, tmp_path, TELECMI_USER_ID=USER, TELECMI_PASSWORD=PASSWORD, TELECMI_LOG_LEVEL="DEBUG")
    async with started("-X", "dev", "-c", CRASH, env=env, command=[sys.executable]) as server:
        await server.shake_hands()
        for number in range(1, 3):
            answer = await server.ask(call(number, "list_contacts"))
            assert "Report this to the maintainers" in str(answer)
            assert_silent(str(answer))
        assert await server.close() == 0
        logged = await server.errors()
    assert "RuntimeError" in logged
    assert_silent(logged)
