"""Ports on loopback: one that is free, and waiting until a process listens on it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

_PATIENCE = 120.0  # against hanging only
_LOOK_AGAIN = 0.05


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once the process listens; it may not end before that."""
    end = time.monotonic() + _PATIENCE
    while not _listens(port):
        assert process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() < end, "it does not listen"
        time.sleep(_LOOK_AGAIN)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
