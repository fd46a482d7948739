"""Servers over HTTP in processes of their own, and what the calls of one turn cost each of them."""

from __future__ import annotations

import asyncio
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.environments import surroundings
from benchmarks.standin import HOST
from benchmarks.team_callers import Wire
from benchmarks.team_processes import cpu
from team.ports import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONNECTIONS = 16
UNLIMITED = {"TELECMI_CALLER_RATE_LIMIT": "0", "TELECMI_ACCOUNT_RATE_LIMIT": "0", "TELECMI_CALLER_CONCURRENCY": "0"}
_MS = 1000
_PACKAGES = ("mcp", "fastmcp", "uvicorn", "uvloop", "httptools", "h11", "starlette", "httpx2", "pydantic")
_VERSIONS = f"""
from importlib.metadata import PackageNotFoundError, version
for name in {_PACKAGES}:
    try:
        print(name, version(name), end=", ")
    except PackageNotFoundError:
        print("no", name, end=", ")
"""


class Cost(NamedTuple):
    """What the calls of one turn cost: CPU milliseconds for each, and calls a second."""

    cpu_ms: float
    rate: float


class Server(NamedTuple):
    """A server process.

    Attributes:
        name: What it is called in a report.
        pid: Its process.
        port: Where it listens.
        packages: The packages of its environment that its speed depends on.
    """

    name: str
    pid: int
    port: int
    packages: str

    def measure(self, tool: str, arguments: Sequence[dict[str, Any]], version: str) -> Cost:
        """Call a tool once with each of these arguments, over 16 connections."""
        started_at, cpu_before = time.perf_counter(), cpu(self.pid)
        asyncio.run(self._call_at_once(tool, arguments, version))
        seconds = time.perf_counter() - started_at
        return Cost((cpu(self.pid) - cpu_before) / len(arguments) * _MS, len(arguments) / seconds)

    async def _call_at_once(self, tool: str, arguments: Sequence[dict[str, Any]], version: str) -> None:
        async with asyncio.TaskGroup() as tasks:
            for first in range(CONNECTIONS):
                tasks.create_task(self._call_in_a_row(tool, arguments[first::CONNECTIONS], version))

    async def _call_in_a_row(self, tool: str, arguments: Sequence[dict[str, Any]], version: str) -> None:
        wire = self.wire(version)
        for each in arguments:
            result = await wire.call(tool, each)
            assert not result.get("isError"), result
        wire.close()

    def wire(self, version: str, key: str = "") -> Wire:
        """Return a connection to it."""
        return Wire(f"http://{HOST}:{self.port}/mcp", key, version, None)


@contextmanager
def running(
    name: str, words: Sequence[str], log: Path, *, folder: Path | None = None, **variables: str
) -> Iterator[Server]:
    """Run a server process; ``PORT`` in its words is replaced by a free port."""
    port = free_port()
    command = [word.replace("PORT", str(port)) for word in words]
    with log.open("ab") as errors:
        process = subprocess.Popen(command, cwd=folder, env=surroundings(**variables), stdout=errors, stderr=errors)
    try:
        wait_for(port, process)
        yield Server(name, process.pid, port, _packages(Path(command[0])))
    finally:
        process.kill()
        process.wait()


def _packages(program: Path) -> str:
    """Return the versions of the packages in the environment of a program."""
    words = [str(program.with_name("python")), "-c", _VERSIONS]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.rstrip(", ")
