"""Tests that every command survives an output that ends early, cannot be written or lacks characters."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

import pytest

from e2e.lines import PATIENCE, environment
from telecmi_mcp._cli import COMMANDS, main, streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
PRINTING = {
    "search": ["search", "--sandbox", "செந்தில்"],
    "get": ["get", "--sandbox", JOHN],
    "list": ["list", "--sandbox", "--limit", "100"],
    "count": ["count", "--sandbox", "--group-by", "name", "--min-count", "1", "--max-groups", "100"],
    "lookup": ["lookup", "--sandbox", "names.csv"],
    "export": ["export", "--sandbox", "contacts.csv"],
    "index": ["index", "status", "--sandbox"],
    "check": ["check", "--sandbox"],
    "install": ["install", "claude-desktop", "--print"],
    "setup": ["setup", "cursor", "--sandbox"],
    "demo": ["demo"],
    "logout": ["logout", "--user-id", "103_1111112"],
    "sync": ["sync", "--sandbox", "--index", "disk"],
    "completion": ["completion", "bash"],
    "version": ["version"],
    "connect": ["connect", "https://team.example/mcp", "--logout"],
}
"""A command line of each command that prints something and ends."""
SLOW = {"demo"}
ENDLESS = {"serve": "speaks MCP on stdout", "sandbox": "serves until it is stopped"}
ASKING = {"login": "asks for a password", "team": "needs PostgreSQL", "audit": "needs a file of the audit"}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the commands files and folders of their own."""
    for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    (tmp_path / "HOME" / ".cursor").mkdir(parents=True)  # Cursor was started once
    (tmp_path / "names.csv").write_text("name\nJohn Doe\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@contextmanager
def closed_pipe() -> Iterator[None]:
    """Make stdout a pipe whose reader has ended."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as stdout, redirect_stdout(stdout):  # noqa: PTH123 - a descriptor
        yield


def marked(commands: dict[str, list[str]]) -> list[object]:
    return [pytest.param(words, id=name, marks=[pytest.mark.slow] * (name in SLOW)) for name, words in commands.items()]


def test_every_command_is_tried_or_named_with_a_reason() -> None:
    assert PRINTING.keys() | ENDLESS.keys() | ASKING.keys() == COMMANDS.keys()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports another error")
@pytest.mark.parametrize("words", marked(PRINTING))
def test_a_reader_that_ends_early_ends_a_command_with_141(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with closed_pipe():
        assert main(words) == 141
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports another error")
@pytest.mark.parametrize("words", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_a_reader_of_the_help_that_ends_early_gets_no_traceback(words: list[str]) -> None:
    with closed_pipe():
        assert main(words) == 141


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("words", marked(PRINTING))
def test_what_an_encoding_lacks_is_a_question_mark(words: list[str], encoding: str, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding=encoding) as stdout, redirect_stdout(stdout):
        assert main(words) == 0
    if "--sandbox" in words and words[0] in {"search", "list", "count"}:
        assert b"?????" in (tmp_path / "out").read_bytes()


def run(words: list[str], redirection: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a shell, which alone can close a stream or connect it to a full disk."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m telecmi_mcp "$@" {redirection}', sys.executable, *words],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env=environment(**variables),
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_disk_is_one_sentence() -> None:
    done = run(["get", "--sandbox", JOHN], ">/dev/full")
    sentence = b"telecmi-mcp: Choose another place for the output: the disk is full.\n"
    assert (done.returncode, done.stderr) == (3, sentence)


@pytest.mark.skipif(sys.platform == "win32", reason="it has another shell")
@pytest.mark.parametrize(
    "redirection", [">&- 2>&-", *(pytest.param(each, marks=pytest.mark.slow) for each in (">&-", "<&- >&-"))]
)
def test_a_closed_stream_is_the_null_device(redirection: str) -> None:
    done = run(["lookup", "--sandbox", "names.csv"], redirection)
    assert (done.returncode, done.stdout, b"Traceback" in done.stderr) == (0, b"", False)


@pytest.mark.skipif(sys.platform == "win32", reason="it has another shell")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lookup", "--sandbox", "-"], b"FILE has no header"),
        (["login", "--store", "file"], b"Pass --user-id: there is no terminal"),
    ],
)
def test_a_closed_input_is_empty(words: list[str], sentence: bytes, tmp_path: Path) -> None:
    done = run(words, "<&-", XDG_STATE_HOME=str(tmp_path))
    assert (done.returncode, sentence in done.stderr, done.stderr.count(b"\n")) == (2, True, 1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="it has another shell")
@pytest.mark.parametrize("words", marked(PRINTING))
def test_a_process_whose_reader_ends_early_says_nothing(words: list[str], tmp_path: Path) -> None:
    done = run(words, f"| true; echo > {tmp_path / 'ended'}")
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


def test_an_error_of_a_group_is_of_the_pipe_only_if_all_of_its_errors_are() -> None:
    pipe, other = BrokenPipeError(), OSError()
    assert streams.is_broken_pipe(ExceptionGroup("", [pipe, ExceptionGroup("", [pipe])]))
    assert not streams.is_broken_pipe(ExceptionGroup("", [pipe, other]))
    assert not streams.is_broken_pipe(other)


def test_a_full_disk_is_found_in_a_group_too() -> None:
    full = OSError(errno.ENOSPC, "")
    assert str(streams.unwritable(ExceptionGroup("", [full]))) == str(streams.unwritable(full))
    assert streams.unwritable(ExceptionGroup("", [OSError(errno.ECONNRESET, ""), full])) is None
    assert streams.unwritable(ValueError()) is None


def test_a_password_that_is_not_in_the_encoding_of_stdin_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_bytes(b"\xff\xfe\n")
    with (tmp_path / "password").open(encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert main(["login", "--user-id", "103_1", "--store", "file", "--password-stdin"]) == 2
    assert capsys.readouterr().err.startswith("telecmi-mcp: Check standard input: it is not text")
