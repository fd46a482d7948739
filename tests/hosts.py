"""Invented machines with clients on them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from telecmi_mcp._install.apply import ConfigTarget
from telecmi_mcp._install.clients import CLIENTS
from telecmi_mcp._install.entry import Server
from telecmi_mcp._install.paths import Machine
from telecmi_mcp._install.record import InstallRecords

if TYPE_CHECKING:
    from pathlib import Path

EDITED = [name for name, host in CLIENTS.items() if host.program is None and host.form != "yaml"]
JSON = [name for name in EDITED if CLIENTS[name].form == "json"]
SERVER = Server("/opt/tools/bin/telecmi-mcp", ("serve",), {"TELECMI_USER_ID": "103_1111112"})
RENEWED = Server("/opt/newer/bin/telecmi-mcp", ("serve",))


def make_machine(home: Path, platform: str = "linux", **environ: str) -> Machine:
    """Return a machine without any variable but the given ones."""
    return Machine(platform, environ, home)


def make_target(name: str, home: Path, *, force: bool = False, machine: Machine | None = None) -> ConfigTarget:
    """Return the configuration of a client whose folder exists."""
    target = ConfigTarget(CLIENTS[name], machine or make_machine(home), InstallRecords(home / "state"), force=force)
    target.file.parent.mkdir(parents=True, exist_ok=True)
    return target


def all_bytes(folder: Path) -> bytes:
    """Return the bytes and the names of all files below a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return b"\0".join([*(path.read_bytes() for path in paths), *(os.fsencode(path) for path in paths)])
