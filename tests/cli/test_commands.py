"""Tests what the commands print, their exit codes, and what they import."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from argparse import Namespace
from functools import cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from e2e.lines import PATIENCE, environment
from paths import ROOT
from telecmi_mcp import Settings, __version__
from telecmi_mcp._cli import COMMANDS, main
from telecmi_mcp._cli.options import open_configured
from telecmi_mcp.errors import Unreachable
from telecmi_mcp.sandbox import SANDBOX_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    RunHere = Callable[..., subprocess.CompletedProcess[str]]


def run(
    *arguments: str, command: tuple[str, ...] = ("-m", "telecmi_mcp"), **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment(**{"PYTHONUTF8": "1", **variables}),
    )


@pytest.fixture
def run_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunHere:
    """Return ``run`` for this process, which has imported everything."""

    def run_here(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patches:
            for name in os.environ.keys() - (environ := environment(**variables)).keys():
                patches.delenv(name)
            for name, value in environ.items():
                patches.setenv(name, value)
            code = main(list(arguments))
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return run_here


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout == f"telecmi-mcp {__version__}\n"


def test_help_names_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert command in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        [*words, "--help"]
        for words in (
            [],
            ["serve"],
            ["login"],
            ["check"],
            ["install"],
            ["export"],
            ["lookup"],
            ["audit"],
            ["team"],
            ["connect"],
        )
    ]
    + [["--version"]],
)
def test_help_imports_neither_mcp_nor_httpx2_nor_pydantic(words: list[str]) -> None:
    done = run("-X", "importtime", "-m", "telecmi_mcp", *words, command=())
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "telecmi_mcp._cli" in imported
    assert not {"mcp", "httpx2", "pydantic", "anyio"} & imported


def test_an_unknown_command_is_wrong_usage() -> None:
    done = run("serv")
    message = "telecmi-mcp: there is no such command. Did you mean serve? See telecmi-mcp --help.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


@pytest.mark.parametrize(
    ("command", "operations"),
    [("index", "status|clear"), ("team", "setup|check|key|sign-in|sign-out|list|new-key|rekey|audit|migrate")],
)
def test_a_command_without_an_operation_lists_the_operations(command: str, operations: str) -> None:
    done = run(command)
    assert done.returncode == 2
    assert f"required: {operations}" in done.stderr


@pytest.mark.parametrize(
    ("words", "takes"),
    [(["sandbox", "--port", "99999"], "0 to 65535"), (["search", "--limit", "101", "x"], "1 to 100")],
)
def test_a_number_out_of_range_is_refused_with_the_range(words: list[str], takes: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert f"use a whole number from {takes}" in done.stderr


def test_the_token_is_never_a_flag() -> None:
    assert run("serve", "--token", "hunter2").returncode == 2


def test_a_flag_overrules_the_environment(run_here: RunHere) -> None:
    assert not json.loads(run_here("check", "--sandbox", "--json", TELECMI_TIMEOUT="hunter2").stdout)["ok"]
    done = run_here("check", "--sandbox", "--json", "--timeout", "5", TELECMI_TIMEOUT="hunter2")
    assert json.loads(done.stdout)["ok"]


@cache
def demo() -> subprocess.CompletedProcess[str]:
    return run("demo", TELECMI_TOOL_PREFIX="crm_")  # which the demo ignores, like all settings


@pytest.mark.slow
def test_the_demo_shows_the_main_job_on_one_screen() -> None:
    done = demo()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    for shown in [
        "invented",
        "> tools/list",
        "what is Priya's number at Acme?",
        "918004417263    Priya Raman",
        "John Doe",
        "'page_state'",
        "> get_contact",
        "error: Check the id",
    ]:
        assert shown in done.stdout


def test_the_readmes_picture_shows_what_the_demo_says_and_nothing_else() -> None:
    picture = (ROOT / "docs" / "demo.svg").read_text(encoding="utf8")
    shown = [unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", picture)]
    assert shown == re.findall(r"\S+(?: \S+)*", demo().stdout)
    assert "<script" not in picture
    assert re.findall(r"https?://[^\"]+", picture) == ["http://www.w3.org/2000/svg"]


def test_check_says_that_there_are_no_problems(run_here: RunHere) -> None:
    done = run_here("check", "--sandbox")
    assert done.returncode == 0
    assert "TeleCMI       accepts the token; 150 contacts" in done.stdout
    assert "No problems found." in done.stdout


def test_check_without_a_token_says_what_to_do(run_here: RunHere) -> None:
    done = run_here("check", TELECMI_BASE_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "no user is signed in to TeleCMI" in done.stdout
    assert "\nNext: Run telecmi-mcp login, or set TELECMI_TOKEN." in done.stdout


def test_check_reports_an_invalid_setting_and_continues(run_here: RunHere) -> None:
    done = run_here("check", "--json", TELECMI_TIMEOUT="hunter2")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["next"]) == (1, False, "Correct TELECMI_TIMEOUT (--timeout).")
    assert {"Settings", "Secrets", "Versions"} == {finding["about"] for finding in report["findings"]}


def test_check_names_the_first_cause_first(run_here: RunHere) -> None:
    done = run_here("check", "--json", TELECMI_API_KEY="hunter2", TELECMI_BASE_URL="http://127.0.0.1:9")
    report = json.loads(done.stdout)
    assert [finding["about"] for finding in report["findings"] if finding["verdict"] == "bad"] == ["Secrets"]
    assert report["next"] == "Rename it to TELECMI_TOKEN."


def test_check_fits_one_screen_and_ticks_what_is_good(sandbox: str, tmp_path: Path, run_here: RunHere) -> None:
    done = run_here("check", TELECMI_BASE_URL=sandbox, TELECMI_TOKEN=SANDBOX_TOKEN, HOME=str(tmp_path))
    lines = done.stdout.splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 120
    marks = {line[4:].split()[0]: line[2] for line in lines[2:-2]}
    assert marks.pop("Clients") == "·"
    assert set(marks.values()) == {"✓"}
    assert lines[-1].startswith("Next: Run telecmi-mcp install CLIENT")


@pytest.mark.slow
def test_check_prints_ascii_where_the_terminal_has_no_more() -> None:
    done = run("check", "--sandbox", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "  ok TeleCMI" in done.stdout


def test_the_sandbox_answers_on_loopback_and_check_reads_it(sandbox: str) -> None:
    body = json.dumps({"token": SANDBOX_TOKEN, "limit": 2}).encode()
    request = urllib.request.Request(f"{sandbox}/v3/contact/get", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - loopback
        assert json.loads(answer.read())["count"] == 150
    done = run("check", "--json", TELECMI_BASE_URL=sandbox, TELECMI_TOKEN=SANDBOX_TOKEN)
    report = json.loads(done.stdout)
    assert (report["ok"], report["answers"], report["accepts_token"], report["contacts"]) == (
        True,
        True,
        True,
        150,
    )
    assert report["settings"]["TELECMI_TOKEN"] == "set"
    assert SANDBOX_TOKEN not in done.stdout + done.stderr


def test_a_proxy_never_gets_a_request_to_this_computer(sandbox: str, run_here: RunHere) -> None:
    proxy = "http://127.0.0.1:9"
    done = run_here("check", TELECMI_BASE_URL=sandbox, TELECMI_TOKEN=SANDBOX_TOKEN, HTTP_PROXY=proxy, ALL_PROXY=proxy)
    assert done.returncode == 0


def test_check_tells_a_rejected_token_from_an_unreachable_telecmi(sandbox: str, run_here: RunHere) -> None:
    refused = json.loads(run_here("check", "--json", TELECMI_BASE_URL=sandbox, TELECMI_TOKEN="hunter2").stdout)
    assert (refused["ok"], refused["answers"], refused["accepts_token"]) == (False, True, False)
    away = run_here(
        "check", "--json", TELECMI_BASE_URL="http://127.0.0.1:9", TELECMI_TOKEN="hunter2", TELECMI_TIMEOUT="5"
    )
    assert away.returncode == 1
    assert json.loads(away.stdout)["answers"] is False
    assert "hunter2" not in json.dumps(refused) + away.stdout


def test_a_port_in_use_is_reported(sandbox: str) -> None:
    done = run("sandbox", "--port", sandbox.rsplit(":", 1)[1])
    message = "telecmi-mcp: Choose another port with --port: this one cannot be used.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


def test_a_search_prints_a_table_and_says_when_there_is_no_match(run_here: RunHere) -> None:
    done = run("search", "--sandbox", "Priya", "Acme")
    assert (done.returncode, done.stderr) == (0, "1 found.\n")
    (line,) = done.stdout.splitlines()
    cells = ["exact", "Priya Raman", "918004417263", "priya.raman@acme.example", "Acme Corp", "Purchasing Manager"]
    cells.append("4345315e-c438-408e-8099-204231729115")
    assert re.split(r"  +", line) == cells
    nobody = run_here("search", "--sandbox", "zzkqwx")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert nobody.stderr.startswith("No contact matches among all 150, as of ")


@pytest.mark.parametrize("limit", ["0", "x"])
def test_a_search_refuses_an_invalid_limit(limit: str) -> None:
    assert run("search", "--sandbox", "--limit", limit, "Priya").returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="the cache folder is set by XDG_CACHE_HOME")
def test_the_index_command_runs_each_of_its_operations(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["index", "status", "--sandbox"]) == 0
    assert "This account has no index on disk.\n" in capsys.readouterr().out
    assert main(["index", "clear", "--sandbox"]) == 0
    assert capsys.readouterr().out == f"Removed 0 indexes from {tmp_path / 'telecmi-mcp'}.\n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the cache folder is set by XDG_CACHE_HOME")
def test_an_index_on_disk_is_built_shown_and_removed(tmp_path: Path) -> None:
    def kept(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run(*arguments, "--sandbox", XDG_CACHE_HOME=str(tmp_path), TELECMI_INDEX="disk")

    assert "no index on disk" in kept("index", "status").stdout
    assert list(tmp_path.iterdir()) == []
    made = kept("sync")
    assert (made.returncode, made.stdout) == (0, "150 contacts in the index; complete.\n")
    assert made.stderr.splitlines()[-1] == "150 of 150 contacts"
    assert "150, complete as of 20" in kept("index", "status").stdout
    assert kept("index", "clear").stdout.startswith("Removed 1 index from ")
    assert list(tmp_path.rglob("*.db*")) == []


@pytest.mark.parametrize("index", ["memory", "off"])
def test_a_sync_that_would_keep_nothing_reads_nothing(
    index: str, run_here: RunHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telecmi_mcp._cli.contacts.sync.open_configured", None)  # nothing is opened
    done = run_here("sync", "--sandbox", TELECMI_INDEX=index)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("telecmi-mcp: Pass --index disk, or set TELECMI_INDEX=disk")


@pytest.mark.skipif(sys.platform == "win32", reason="the cache folder is set by XDG_CACHE_HOME")
def test_a_sync_into_a_folder_that_cannot_be_used_reads_nothing(
    run_here: RunHere, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("telecmi_mcp._cli.contacts.sync.open_configured", None)
    (tmp_path / "telecmi-mcp").write_text("not a folder")
    done = run_here("sync", "--sandbox", "--index", "disk", XDG_CACHE_HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (3, "")
    assert "the contacts cannot be kept, because " in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the cache folder is set by XDG_CACHE_HOME")
@pytest.mark.parametrize("is_kept", [True, False])
def test_a_sync_that_is_interrupted_says_whether_it_continues(
    run_here: RunHere, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, is_kept: bool
) -> None:
    async def interrupted(_: object, report: Callable[[int, int], Any]) -> None:
        if is_kept:
            await report(100, 150)
        raise Unreachable

    monkeypatch.setattr("telecmi_mcp._index.account_directory.CurrentDirectory.sync", interrupted)
    done = run_here("sync", "--sandbox", "--index", "disk", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 3
    assert ("are kept; the same command continues." in done.stderr) is is_kept


@pytest.mark.parametrize("given", [{"token": SecretStr("t")}, {"token_file": Path("t")}])
async def test_with_a_given_token_no_state_folder_is_needed(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telecmi_mcp._private_files.state_folder", None)
    async with open_configured(Namespace(sandbox=False), Settings(**given)):
        pass


_LIMITED = """
import os, resource, sys
soft = int(sys.argv[1])
hard = int(sys.argv[2]) or resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
os.execv(sys.executable, [sys.executable, "-m", "telecmi_mcp", *sys.argv[3:]])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(
    "words", [["serve"], ["serve", "--http", "127.0.0.1:0", "--sandbox"], ["check"], ["search", "x", "--sandbox"]]
)
def test_too_few_open_files_end_in_one_sentence(words: list[str]) -> None:
    done = run("-c", _LIMITED, "8", "8", *words, command=())
    sentence = "Raise the limit of open files (ulimit -n): it is too low for this command, or too many are open."
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"telecmi-mcp: {sentence}\n")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_low_soft_limit_of_open_files_is_raised() -> None:
    done = run("-c", _LIMITED, "8", "0", "search", "priya", "--sandbox", command=())
    assert (done.returncode, done.stderr) == (0, "4 found.\n")
