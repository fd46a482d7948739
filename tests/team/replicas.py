"""Replicas of a team server, over the sandbox: real processes, whose audit is their standard output."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from e2e.lines import PATIENCE, environment

if TYPE_CHECKING:
    from collections.abc import Iterator


class Replica:
    """A process, and where it listens."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process = process
        self.url = url
        self.said = ""

    def stop(self) -> list[dict[str, Any]]:
        """Stop it as services are stopped, and return what its audit tells."""
        self._process.send_signal(signal.SIGTERM)
        out, err = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0, err
        self.said = out + err
        return [json.loads(line) for line in out.splitlines()]


@contextmanager
def opened_replica(**variables: str) -> Iterator[Replica]:
    """Start one, and end it whatever happens."""
    command = [sys.executable, "-m", "telecmi_mcp", "serve", "--http", "127.0.0.1:0", "--sandbox"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**variables)
    ) as process:
        try:
            assert process.stderr is not None
            found = next(re.search(r"http://\S+", line) for line in process.stderr if "listening" in line)
            assert found
            yield Replica(process, found[0])
        finally:
            process.kill()
