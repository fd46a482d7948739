"""Client of raw JSON lines, without an SDK, so that it times only the server and a pipe."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

from benchmarks.book import token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_BUFFER = 4 * 1024 * 1024
_EXIT_TIMEOUT_S = 60
LIFETIME = 900.0  # seconds, after which a server that hangs counts as failed
# In the text, where the quotes are escaped, and in the structured half.
_CURSOR = re.compile(rb'page_state\\*"\s*:\s*\\*"([^"\\]+)')
_RESIDENT = re.compile(r"VmRSS:\s*(\d+) kB")


class PeerFailedError(Exception):
    """A server that did not start, did not answer, or answered with an error."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server to be measured.

    Attributes:
        name: Its name in the tables.
        command: The command that starts it.
        environment: Its whole environment, except for the address and the token of TeleCMI.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


class Session:
    """One running server."""

    def __init__(self, peer: Peer, *, address: str, contacts: int, log: Path, lifetime: float) -> None:
        settings = {"TELECMI_BASE_URL": address, "TELECMI_TOKEN": token(contacts)}
        self.started_at = time.perf_counter()
        with log.open("ab") as errors:
            self._process = _start(peer.command, {**peer.environment, **settings}, errors.fileno())
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._id = 0
        self._limit = threading.Timer(lifetime, self._process.kill)
        self._limit.daemon = True
        self._limit.start()

    @property
    def pid(self) -> int:
        """Id of the server's process."""
        return self._process.pid

    @property
    def asked(self) -> int:
        """Number of requests so far."""
        return self._id

    def shake_hands(self) -> list[dict[str, Any]]:
        """Initialize, list the tools and return them."""
        info = {"name": "benchmarks", "version": "1"}
        self.ask("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=info)
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        tools: list[dict[str, Any]] = self.ask("tools/list")["tools"]
        return tools

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request and return its result."""
        self._send(method, params)
        result: dict[str, Any] = _result(self._read())
        return result

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its result."""
        return self.ask("tools/call", name=tool, arguments=arguments)

    def timed(self, times: int, tool: str, **arguments: Any) -> list[float]:
        """Call a tool a number of times, and return the seconds of each call."""
        seconds = []
        for _ in range(times):
            started_at = time.perf_counter()
            self._send("tools/call", {"name": tool, "arguments": arguments})
            line = self._read()
            seconds.append(time.perf_counter() - started_at)
            _result(line)
        return seconds

    def rate(self, times: int, at_once: int, tool: str, **arguments: Any) -> float:
        """Call a tool with a number of calls under way at any time, and return the calls a second."""
        call = {"name": tool, "arguments": arguments}
        lines: deque[bytes] = deque()
        started_at = time.perf_counter()
        for _ in range(at_once):
            self._send("tools/call", call)
        for left in range(times - 1, -1, -1):
            lines.append(self._read())
            if left >= at_once:
                self._send("tools/call", call)
        seconds = time.perf_counter() - started_at
        for line in lines:
            _result(line)
        return times / seconds

    def walk(self, limit: int) -> tuple[int, float]:
        """Page through all contacts, and return the number of pages and the seconds."""
        pages = 0
        arguments: dict[str, Any] = {"limit": limit}
        started_at = time.perf_counter()
        while True:
            self._send("tools/call", {"name": "list_contacts", "arguments": arguments})
            line = self._read()
            pages += 1
            # Searched for, not parsed, because parsing would be measured too.
            found = _CURSOR.search(line, max(0, line.rfind(b"page_state")))
            if found is None:
                break
            arguments["page_state"] = found[1].decode()
        seconds = time.perf_counter() - started_at
        _result(line)
        return pages, seconds

    def resident(self) -> float:
        """Return the process's resident memory in MiB."""
        found = _RESIDENT.search(Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii"))
        assert found is not None
        return int(found[1]) / 1024

    def processor_time(self) -> float:
        """Return the seconds of CPU of the process, to a hundredth."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> float:
        """Close the input, wait for the exit, and return the seconds between."""
        started_at = time.perf_counter()
        self._input.close()
        self._process.wait(_EXIT_TIMEOUT_S)
        return time.perf_counter() - started_at

    def end(self) -> None:
        """Kill the process, if it still runs."""
        self._limit.cancel()
        self._process.kill()
        self._process.wait()
        self._output.close()

    def _send(self, method: str, params: Mapping[str, Any]) -> None:
        self._id += 1
        self._write({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})

    def _write(self, message: Mapping[str, Any]) -> None:
        self._input.write(json.dumps(message).encode() + b"\n")
        self._input.flush()

    def _read(self) -> bytes:
        line = self._output.readline()
        if not line:
            raise PeerFailedError(f"it ended with exit code {self._process.wait(_EXIT_TIMEOUT_S)}")
        return line


def _start(command: Sequence[str], environment: Mapping[str, str], errors: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, bufsize=_BUFFER, stdin=PIPE, stdout=PIPE, stderr=errors, env=environment)


def _result(line: bytes) -> dict[str, Any]:
    answer = json.loads(line)
    result: dict[str, Any] = answer.get("result", {"isError": True})
    if result.get("isError"):
        raise PeerFailedError(line[:500].decode(errors="replace"))
    return result


@contextmanager
def started(peer: Peer, *, address: str, contacts: int, log: Path, lifetime: float = LIFETIME) -> Iterator[Session]:
    """Start a server, and end it in any case."""
    session = Session(peer, address=address, contacts=contacts, log=log, lifetime=lifetime)
    try:
        yield session
    finally:
        session.end()
