"""The commands around ``telecmi-mcp connect``: its key, ``install --url`` and ``check --url``."""

from __future__ import annotations

import io
import json
import re
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from secret_encodings import encodings_of

from e2e.lines import environment
from hosts import all_bytes
from paths import ROOT
from telecmi_mcp import __version__, _cli
from telecmi_mcp._auth import keyring_store
from telecmi_mcp._connect.access_keys import AccessKeys
from telecmi_mcp._connect.relay import MARGIN_S
from telecmi_mcp._install.clients import CLIENTS
from telecmi_mcp._install.entry import Server, build_entry
from telecmi_mcp.errors import CredentialStoreUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "tmk_canary+singing/in=the.mine-7Qx2"
REMOTE = "https://mcp.example.com/mcp"


class Team:
    """A team server that only greets, and only who has the key."""

    def __init__(self) -> None:
        self.version = __version__
        self.name = "telecmi-mcp"
        self.url = ""

    def answer(self, sent: dict[str, Any]) -> dict[str, Any]:
        info = {"name": self.name, "version": self.version}
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": info}
        return {"jsonrpc": "2.0", "id": sent["id"], "result": hello}


@contextmanager
def greeting() -> Iterator[Team]:
    """Serve it on loopback."""
    team = Team()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(405)
            self.end_headers()

        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_known = self.headers["Authorization"] == f"Bearer {KEY}"
            body = json.dumps(team.answer(sent)).encode() if is_known else b""
            self.send_response(200 if is_known else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        team.url = f"http://127.0.0.1:{server.server_port}/mcp"
        try:
            yield team
        finally:
            server.shutdown()
            thread.join()


class User:
    """Somebody with a home folder who runs commands."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = folder
        self.state = folder / "state"
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.setattr("telecmi_mcp._private_files.state_folder", lambda: self.state)

    def run(self, *words: str, types: str = "", **variables: str) -> tuple[int, str, str]:
        home = {"HOME": str(self.home), "USERPROFILE": str(self.home), "PATH": ""}
        with self._monkeypatch.context() as patched:
            patched.setattr("os.environ", {**environment(), **home, **variables})
            patched.setattr(sys, "stdin", io.StringIO(types))
            code = _cli.main(list(words))
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def log_in(self, url: str, key: str = KEY) -> tuple[int, str, str]:
        return self.run("connect", url, "--login", "--store", "file", types=f"{key}\n")


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> User:
    return User(tmp_path, monkeypatch, capsys)


def test_a_key_is_checked_stored_and_removed_and_never_printed(user: User) -> None:
    with greeting() as team:
        origin = team.url.removesuffix("/mcp")
        code, out, err = user.log_in(team.url)
        assert (code, err) == (0, "")
        assert out.splitlines() == [
            f"The team server accepts the key: telecmi-mcp {__version__}.",
            f"The key for {origin} is stored in a file of mode 0600; it is sent nowhere else.",
            f"Next: telecmi-mcp install CLIENT --url {team.url}",
        ]
        assert not [form for form in encodings_of(KEY) if form in out]
    assert KEY.encode() in all_bytes(user.state)
    assert user.run("connect", origin, "--logout")[:2] == (0, f"Removed the access key for {origin}.\n")
    assert KEY.encode() not in all_bytes(user.state)
    assert user.run("connect", origin, "--logout")[:2] == (0, f"There is no access key for {origin}.\n")


def test_a_key_that_the_server_rejects_is_not_stored(user: User) -> None:
    with greeting() as team:
        code, out, err = user.log_in(team.url, "tmk_wrong")
    assert (code, out) == (4, "")
    assert "the team server rejected the access key" in err
    assert b"tmk_wrong" not in all_bytes(user.state)


def test_a_key_is_stored_although_the_server_is_down(user: User) -> None:
    code, out, _ = user.log_in("http://127.0.0.1:9/mcp")
    assert (code, out.splitlines()[0][:24]) == (0, "The key was not checked.")
    assert anyio.run(AccessKeys(user.state).is_stored, "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("words", "types", "sentence"),
    [
        (("http://mcp.example.com/mcp", "--login"), KEY, "use an https URL"),
        ((f"https://mcp.example.com/mcp?key={KEY}", "--login"), "", "use an https URL"),
        ((REMOTE, "--login", "--store", "file"), "\n", "Enter the key on one line"),
        ((REMOTE, "--login", "--store", "file"), "two words\n", "Enter the key on one line"),
    ],
)
def test_a_url_or_a_key_that_cannot_be_one_is_wrong_usage(
    user: User, words: tuple[str, ...], types: str, sentence: str
) -> None:
    code, out, err = user.run("connect", *words, types=types)
    assert (code, out) == (2, "")
    assert sentence in err
    assert KEY not in err


def test_without_a_keyring_the_file_is_named_before_a_key_is_asked_for(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise CredentialStoreUnusable(hint="Install it, or run telecmi-mcp login --store file in a terminal")

    monkeypatch.setattr(keyring_store, "_system_backend", missing)
    code, _, err = user.run("connect", REMOTE, "--login", types=f"{KEY}\n")
    assert (code, "telecmi-mcp connect URL --login --store file" in err) == (3, True)


def test_install_writes_an_entry_that_connects_and_says_how_to_store_the_key(user: User) -> None:
    file = user.home / ".cursor" / "mcp.json"
    file.parent.mkdir()
    words = ("install", "cursor", "--url", "https://MCP.example.com", "--timeout", "60")
    code, out, err = user.run(*words, TELECMI_TOOL_PREFIX="crm_", TELECMI_USER_ID="1_2", TELECMI_TOKEN=KEY)
    assert (code, err) == (0, "")
    entry = json.loads(file.read_text())["mcpServers"]["telecmi"]
    assert entry["args"][-2:] == ["connect", REMOTE]
    assert entry["env"] == {"TELECMI_TIMEOUT": "60", "TELECMI_TOOL_PREFIX": "crm_"}
    assert out.splitlines()[-1] == f"Now store the access key: telecmi-mcp connect {REMOTE} --login"
    assert KEY.encode() not in all_bytes(user.home)
    user.log_in("http://127.0.0.1:9/mcp")
    assert user.run("install", "cursor", "--url", "http://127.0.0.1:9")[1].splitlines()[-1] == (
        "An access key for http://127.0.0.1:9 is stored."
    )
    code, out, _ = user.run("install", "cursor", "--uninstall", "--url", REMOTE)
    assert (code, out.splitlines()[-1]) == (
        0,
        f"To remove the sign-in too: telecmi-mcp connect {REMOTE} --logout",
    )
    assert not file.exists()


@pytest.mark.parametrize("url", ["http://mcp.example.com", f"https://{KEY}@mcp.example.com"])
def test_install_refuses_a_url_to_which_no_key_may_go(user: User, url: str) -> None:
    (user.home / ".cursor").mkdir()
    code, _, err = user.run("install", "cursor", "--url", url)
    assert (code, "use an https URL" in err, KEY in err) == (2, True, False)
    assert KEY not in repr(user.run("install", "cursor", "--uninstall", "--url", url))
    assert user.run("install", "cursor", "--url", REMOTE, "--sandbox")[0] == 2


def findings(out: str) -> dict[str, tuple[str, str]]:
    return {each["about"]: (each["verdict"], each["says"]) for each in json.loads(out)["findings"]}


def test_check_tells_what_the_server_says_to_the_key(user: User) -> None:
    with greeting() as team:
        user.log_in(team.url)
        code, out, _ = user.run("check", "--url", team.url, "--json")
        origin = team.url.removesuffix("/mcp")
        assert code == 0
        assert findings(out)["Connection"] == ("good", "127.0.0.1, without TLS, on this computer")
        assert findings(out)["Access key"] == ("good", f"one is stored for {origin}")
        assert findings(out)["Team server"] == (
            "good",
            f"answers; telecmi-mcp {__version__}, as on this computer",
        )
        team.version = "9.0.0"
        assert findings(user.run("check", "--url", team.url, "--json")[1])["Team server"][0] == "doubtful"
        team.name = "another-server"
        code, out, _ = user.run("check", "--url", team.url, "--json")
        assert (code, findings(out)["Team server"]) == (1, ("bad", "what answers there is not telecmi-mcp"))
        user.run("connect", team.url, "--logout")
        code, out, _ = user.run("check", "--url", team.url)
        assert code == 1
        assert f"\nNext: Run telecmi-mcp connect {team.url} --login." in out


def test_check_of_a_server_that_is_down_names_it(user: User) -> None:
    code, out, _ = user.run("check", "--url", "http://127.0.0.1:9", "--json")
    assert (code, findings(out)["Team server"]) == (1, ("bad", "the team server cannot be reached"))


def test_the_page_about_clients_shows_the_entry_that_install_writes() -> None:
    page = (ROOT / "docs" / "clients.md").read_text(encoding="utf8")
    section = page.split("\n## A team server\n")[1].split("\n## ")[0]
    connects, vscode, cursor = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", section, re.DOTALL)]
    url = "https://contacts.example.com/mcp"
    client = CLIENTS["claude-desktop"]
    assert connects == {client.key: {"telecmi": build_entry(client, Server("/path/of/telecmi-mcp", ("connect", url)))}}
    assert vscode["servers"]["telecmi"]["headers"] == {
        "Authorization": f"Bearer ${{input:{vscode['inputs'][0]['id']}}}"
    }
    assert cursor["mcpServers"]["telecmi"]["url"] == vscode["servers"]["telecmi"]["url"] == url


def test_the_page_about_teams_quotes_the_errors_as_they_are() -> None:
    page = (ROOT / "docs" / "teams.md").read_text(encoding="utf8")
    rows = page.split("| a call's error says | the cause |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    quoted = [words.strip() for row in rows for words in row.strip("| ").split(" | ")[0].split(";")]
    source = "".join(path.read_text(encoding="utf8") for path in (ROOT / "telecmi_mcp" / "_connect").glob("*.py"))
    source += (ROOT / "telecmi_mcp" / "errors.py").read_text(encoding="utf8")
    source = source.replace("{seconds:g}", f"{30 + MARGIN_S:g}")
    assert len(quoted) > 10
    assert [words for words in quoted if words not in source] == []
