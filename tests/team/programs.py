"""Other people's programs from npm: ``sh .ci/install-clients`` installs them, TELECMI_TEST_CLIENTS names the folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_PREPARED = os.environ.get("TELECMI_TEST_CLIENTS", "")
_FOLDER = Path(_PREPARED or "nowhere").absolute()

PROGRAMS = _FOLDER / "node_modules"
ENVIRONMENT = {
    "PATH": os.pathsep.join([str(_FOLDER / "node" / "node_modules" / ".bin"), os.environ["PATH"]]),
    "NO_PROXY": "localhost,127.0.0.1",
}

needs_programs = pytest.mark.skipif(
    not _PREPARED, reason="TELECMI_TEST_CLIENTS names no folder with programs: see .ci/install-clients"
)
