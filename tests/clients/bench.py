"""Where other people's clients are, and a folder in which a test runs one of them against the server."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PATIENCE = 120
_PREPARED = os.environ.get("TELECMI_TEST_CLIENTS", "")
CLIENTS = Path(_PREPARED or "nowhere").absolute()

needs_clients = pytest.mark.skipif(
    not _PREPARED, reason="TELECMI_TEST_CLIENTS names no folder with clients: see .ci/install-clients"
)


@dataclass(frozen=True, slots=True)
class Program:
    """One client in one era.

    Attributes:
        words: The command, up to what all programs take: the play, the server and the stage.
    """

    name: str
    era: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}-{self.era}"


class Bench:
    """A folder with everything that one test's client is given, and what the witnesses write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "reports").mkdir()
        (folder / "node_modules").symlink_to(CLIENTS / "node_modules")  # where Node looks for what a program imports
        (folder / "typescript.mjs").write_bytes((HERE / "typescript.mjs").read_bytes())

    def server(self, *arguments: str, demanded: str = "", **variables: str) -> str:
        """A command without arguments that starts the server, with a witness before it."""
        variables |= {"XDG_STATE_HOME": "/dev/null/nowhere", "PYTHONWARNINGS": "default"}
        demand = ["--demand", demanded] if demanded else []
        witness = [sys.executable, str(HERE / "witness.py"), str(self.folder / "reports"), *demand, "--"]
        server = [sys.executable, "-m", "telecmi_mcp", "serve", *arguments]
        words = [*witness, "env", *(f"{name}={value}" for name, value in variables.items()), *server]
        command = self.folder / "server"
        command.write_text(f"#!/bin/sh\nexec {shlex.join(words)}\n", encoding="utf8")
        command.chmod(0o755)
        return str(command)

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a client, with these variables besides its own environment."""
        path = os.pathsep.join([str(CLIENTS / "node" / "node_modules" / ".bin"), os.environ["PATH"]])
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TELECMI_")}
        return subprocess.run(
            words,
            cwd=self.folder,
            env={**kept, "PATH": path, "HOME": str(self.folder), "NO_PROXY": "127.0.0.1", **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def play(self, program: Program, play: str, *more: str) -> dict[str, Any]:
        """Run a client's program and return what it saw."""
        done = self.run(*program.words, play, *more)
        assert done.returncode == 0, done.stderr
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen

    def reports(self) -> list[dict[str, Any]]:
        """What the witnesses wrote."""
        found = [json.loads(path.read_text(encoding="utf8")) for path in self.folder.glob("reports/*.json")]
        assert found
        return found


def ended_well(report: dict[str, Any]) -> bool:
    """Whether the server ended when its input did, with code 0, and said nothing but protocol.

    TypeScript's version 2 asks a server of its own for the version, and ends that one with SIGTERM.
    """
    quiet = not report["strays"] and not report["said"]
    if report["terminated"]:
        return quiet and report["methods"] == ["server/discover"] and report["code"] in {0, 128 + signal.SIGTERM}
    return quiet and report["code"] == 0
