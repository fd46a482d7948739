"""The audit's lines: whole, parseable, in the order of the calls, and never waited for."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from e2e.lines import PATIENCE, environment
from telecmi_mcp._team.policy import audit
from telecmi_mcp._team.policy.audit import LOGGER, Audit, Entry, LineWriter, open_audit

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTRY = Entry("priya", "tools/call", "get_contact", "ok", 0.01234, 1)


def read_to_the_end(reader: int, writer: int, lines: LineWriter) -> list[bytes]:
    """Read what waits, while it is closed."""
    read: list[bytes] = []
    with os.fdopen(reader, "rb") as output:
        thread = Thread(target=lambda: read.extend(output))
        thread.start()
        lines.close()
        os.close(writer)
        thread.join(PATIENCE)
    return read


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord(LOGGER, logging.INFO, "", 0, "%s", (text,), None)


@pytest.fixture
def taken() -> Iterator[list[str]]:
    """What a host's own handler gets."""
    lines: list[str] = []

    class Taker(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, taker = logging.getLogger(LOGGER), Taker()
    logger.addHandler(taker)
    yield lines
    logger.removeHandler(taker)


def test_a_line_says_when_who_what_and_how_it_ended(taken: list[str]) -> None:
    with open_audit("stdout", replica="5e7c"):
        pass
    Audit("5e7c", now=lambda: 1795435200.0625).write(ENTRY)
    (line,) = taken
    assert line == (
        '{"time": "2026-11-23T12:00:00.062Z", "caller": "priya", "method": "tools/call", "tool": "get_contact", '
        '"outcome": "ok", "ms": 12.3, "contacts": 1, "replica": "5e7c"}'
    )


@pytest.mark.parametrize(
    "name",
    ['x\n{"caller": "boss"}', "\r\x1b[2K", "\u2028\u202e", '"}', "\ud800", "%s%n", "\N{GRINNING FACE}" * 999, ""],
)
def test_whatever_a_caller_is_called_its_line_is_one_line_of_ascii(name: str, taken: list[str]) -> None:
    with open_audit("stdout", replica="r") as opened:
        opened.write(ENTRY._replace(caller=name))
    (line,) = taken
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 2000
    assert json.loads(line)["caller"] == name[:128]


def test_a_host_that_takes_the_lines_gets_them_and_nothing_is_written(
    taken: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with open_audit("stdout", replica="r") as opened:
        opened.write(ENTRY)
    assert len(taken) == 1
    assert capfd.readouterr() == ("", "")


def test_off_is_off_for_everybody(taken: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with open_audit("off", replica="r") as opened:
        opened.write(ENTRY)
    assert not taken
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("where", ["stdout", "stderr"])
def test_what_waits_is_written_at_the_end(where: str, capfd: pytest.CaptureFixture[str]) -> None:
    with open_audit(where, replica="r") as opened:
        for number in range(500):
            opened.write(ENTRY._replace(contacts=number))
    out, err = capfd.readouterr()
    lines = {"stdout": out, "stderr": err}[where].splitlines()
    assert [json.loads(line)["contacts"] for line in lines] == list(range(500))
    assert {"stdout": err, "stderr": out}[where] == ""
    assert not logging.getLogger(LOGGER).handlers
    assert logging.getLogger(LOGGER).propagate


def test_the_lines_are_not_in_the_log_as_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with open_audit("stderr", replica="r") as opened:
        opened.write(ENTRY)
    assert "priya" not in caplog.text


def test_a_full_pipe_stalls_no_one_and_what_was_dropped_is_counted() -> None:
    reader, writer = os.pipe()
    lines = LineWriter(writer, max_queued=100)
    for number in range(5000):  # of 100 bytes: seven times what a pipe holds, so whoever waited would wait for ever
        lines.emit(record(f"{number:099}"))
    read = read_to_the_end(reader, writer, lines)
    dropped = [json.loads(line)["dropped"] for line in read if line.startswith(b"{")]
    numbers = [int(line) for line in read if not line.startswith(b"{")]
    assert numbers[:100] == list(range(100))
    assert numbers == sorted(numbers)
    assert len(numbers) < 5000
    assert len(numbers) + sum(dropped) == 5000


def test_lines_that_come_soon_after_each_other_are_written_together_and_the_end_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gathers = Event()

    class Waited(Event):
        def wait(self, timeout: float | None = None) -> bool:
            gathers.set()
            return super().wait(timeout)

    monkeypatch.setattr(audit, "Event", Waited)
    monkeypatch.setattr(audit, "_GATHER_S", PATIENCE)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    lines = LineWriter(writer)
    lines.emit(record("0"))
    assert gathers.wait(PATIENCE / 10)
    lines.emit(record("1"))
    lines.emit(record("2"))
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    os.set_blocking(reader, True)
    assert read_to_the_end(reader, writer, lines) == [b"0\n", b"1\n", b"2\n"]


def test_a_reader_that_left_is_reported_in_the_log_and_no_one_waits(caplog: pytest.LogCaptureFixture) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    lines = LineWriter(writer)
    lines.emit(record("nobody reads this"))
    lines.close()
    os.close(writer)
    assert "audit lines cannot be written: BrokenPipeError" in caplog.text
    assert "nobody reads this" not in caplog.text


def test_a_descriptor_that_fails_is_reported_once_and_its_lines_are_counted_once_it_works(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pieces: list[bytes] = []

    def write(_: int, piece: bytes) -> None:
        pieces.append(piece)
        if len(pieces) <= 3:
            raise BrokenPipeError

    monkeypatch.setattr(audit, "_write_all", write)
    lines = LineWriter(1)
    for number in range(5):
        lines.emit(record(str(number)))
    lines.close()
    assert caplog.messages == ["audit lines cannot be written: BrokenPipeError"]
    count, line = pieces[3].splitlines()
    assert (json.loads(count)["dropped"], line) == (3, b"3")
    assert pieces[4:] == [b"4\n", b""]


def test_a_descriptor_that_someone_made_not_to_block_loses_nothing() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    lines = LineWriter(writer)
    for number in range(3000):
        lines.emit(record(f"{number:099}"))
    assert [int(line) for line in read_to_the_end(reader, writer, lines)] == list(range(3000))


def test_a_pipe_that_no_one_reads_does_not_keep_the_process_from_leaving() -> None:
    program = (
        "import logging\n"
        "from telecmi_mcp._team.policy import audit\n"
        "audit._FLUSH_TIMEOUT_S = 0.1\n"
        "with audit.open_audit('stdout', replica='r') as log:\n"
        "    for _ in range(5000):\n"
        "        log.write(audit.Entry('priya', 'tools/call', 'get_contact', 'ok', 0.1, 1))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.wait(timeout=PATIENCE) == 0
        assert process.stderr is not None
        assert b"audit lines were not written" in process.stderr.read()
