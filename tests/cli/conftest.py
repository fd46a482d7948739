"""What tests of several commands need."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from e2e.lines import environment

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    """The sandbox as a process on loopback; its address."""
    words = [sys.executable, "-u", "-m", "telecmi_mcp", "sandbox", "--port", "0"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split(" is at ")[1].split()[0]
        process.terminate()
