"""The command `export` as a process: what it says, where the file is, and 100,000 contacts, a kill in the middle."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.lines import environment
from telecmi_mcp.sandbox import SANDBOX_TOKEN, create_sandbox, make_contacts
from vcards import read_cards

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

_MOST_GROWTH = 16 * 1024
_WAIT = 600
# Whoever runs the tests in the background may have had SIGINT ignored, and that is inherited.
_HEEDING_SIGINT = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from telecmi_mcp._cli import main; sys.exit(main())"
)


def command(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "telecmi_mcp", "export", *arguments]


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        encoding="utf8",
        timeout=_WAIT,
        check=False,
        stdin=subprocess.DEVNULL,
        env=env or environment(PYTHONUTF8="1"),
    )


def test_the_sandboxs_contacts_are_written_and_told_of(tmp_path: Path) -> None:
    file = tmp_path / "people.vcf"
    done = run(file, "--sandbox")
    assert (done.returncode, done.stdout) == (0, f"150 contacts in {file}; complete.\n")
    assert done.stderr.splitlines() == ["100 of 150 contacts", "150 of 150 contacts"]
    assert len(read_cards(file.read_bytes())) == 150
    assert list(tmp_path.iterdir()) == [file]


def _serve(pipe: Connection, count: int) -> None:
    import uvicorn  # the server's process only

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each page takes 40 ms
    pipe.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
    sandbox = create_sandbox(contacts=make_contacts(count))
    uvicorn.Server(uvicorn.Config(sandbox, log_level="warning", lifespan="off")).run(sockets=[listener])


@contextmanager
def served(count: int) -> Iterator[dict[str, str]]:
    """The sandbox as a process with so many contacts; the environment of whoever is to read from it."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, count), daemon=True)
    server.start()
    try:
        address = ours.recv()
        yield environment(PYTHONUTF8="1", TELECMI_BASE_URL=address, TELECMI_TOKEN=SANDBOX_TOKEN, TELECMI_TIMEOUT="120")
    finally:
        server.terminate()
        server.join()
        server.close()
        ours.close()
        theirs.close()


def kibibytes(process: subprocess.Popen[str]) -> int:
    """The most memory that it ever occupied."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def read_up_to(process: subprocess.Popen[str], text: str) -> None:
    """Wait until it says on stderr how far it is."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(text):
            return
    pytest.fail(f"it never came to {text}")


@contextmanager
def exporting(file: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HEEDING_SIGINT, "export", file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf8",
        env=env,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc and signals")
@pytest.mark.parametrize(("form", "many"), [("csv", 100_000), ("jsonl", 20_000), ("vcf", 20_000)])
def test_very_many_contacts_with_a_kill_in_the_middle_and_flat_memory(tmp_path: Path, form: str, many: int) -> None:
    whole, killed = tmp_path / f"whole.{form}", tmp_path / f"killed.{form}"
    with served(many) as env:
        with exporting(whole, env) as process:
            read_up_to(process, "10,000 of")
            early = kibibytes(process)
            read_up_to(process, f"{many:,} of")
            grown = kibibytes(process) - early
            assert process.stdout is not None
            assert process.stdout.read() == f"{many:,} contacts in {whole}; complete.\n"
        print(f"{form}: {early} KiB at 10,000 contacts, {grown} KiB more at {many:,}")  # noqa: T201 - shown with -s
        assert grown < _MOST_GROWTH

        with exporting(killed, env) as process:
            read_up_to(process, "10,000 of")
            process.send_signal(signal.SIGKILL)
            process.wait(_WAIT)
        assert not killed.exists()
        done = run(killed, env=env)
    assert done.returncode == 0
    resumed = int(done.stdout.split("; ")[2].split()[0].replace(",", ""))
    assert 10_000 <= resumed < many
    assert killed.read_bytes() == whole.read_bytes()
    assert ids(whole.read_bytes(), form) == [contact["contact_id"] for contact in make_contacts(many)]
    assert set(tmp_path.iterdir()) == {killed, whole}


def ids(content: bytes, form: str) -> list[str]:
    """The contacts of a file, as another program reads it."""
    if form == "csv":
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        return [row["contact_id"] for row in rows]
    if form == "jsonl":
        return [json.loads(line)["contact_id"] for line in content.splitlines()]
    return [card["UID"].value.removeprefix("urn:uuid:") for card in read_cards(content)]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_keeps_what_was_read_and_the_next_run_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    with served(20_000) as env:
        with exporting(file, env) as process:
            read_up_to(process, "4,000 of")
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=_WAIT)
            assert process.returncode == 130
            assert said.splitlines()[-1].endswith("contacts are saved; the same command continues.")
            assert "Traceback" not in said
        assert not file.exists()
        done = run(file, env=env)
    assert (done.returncode, "came from the previous run" in done.stdout) == (0, True)
    assert file.read_bytes().count(b"\r\n") == 20_001
