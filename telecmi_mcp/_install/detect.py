"""Finds which clients are installed, which have this server, and whether what they would start exists."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telecmi_mcp._config.variables import ALL
from telecmi_mcp._install import config_file
from telecmi_mcp._install.apply import CONFIG_FORMATS, find_entry
from telecmi_mcp._install.clients import CLIENTS
from telecmi_mcp._install.paths import find_file, is_found
from telecmi_mcp.errors import ClientConfigError

if TYPE_CHECKING:
    from telecmi_mcp._install.clients import ClientSpec
    from telecmi_mcp._install.paths import Machine

_PLAIN = re.compile(r"\s*[^\s$].*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """How one host stands to this server.

    Attributes:
        host: Its name.
        title: What people call it.
        found: Whether it seems to be used here.
        file: Its configuration file, which need not exist.
        configured: Whether it has an entry for this server; ``None`` if its file cannot be read.
        command: What the entry starts; "" without one.
        exists: Whether that is there; ``None`` where there is nothing to look for.
        exposed: The secret settings that the entry holds in plain text.
        problem: Why the file cannot be read; "" if it can.
    """

    host: str
    title: str
    found: bool
    file: str
    configured: bool | None
    command: str = ""
    exists: bool | None = None
    exposed: tuple[str, ...] = ()
    problem: str = ""


def survey(machine: Machine) -> list[ClientStatus]:
    """Return how every known host stands; nothing is changed, and nothing is run."""
    return [_standing(host, machine) for host in CLIENTS.values()]


def _standing(host: ClientSpec, machine: Machine) -> ClientStatus:
    file = find_file(host, machine)
    found = is_found(host, machine)
    try:
        entry = find_entry(CONFIG_FORMATS[host.form], host, config_file.read(file).text)
    except ClientConfigError as error:
        return ClientStatus(host.name, host.title, found, str(file), configured=None, problem=error.fact)
    started: dict[str, Any] = entry if isinstance(entry, dict) else {}
    command = started.get("command")
    if not isinstance(command, str) or not command:
        return ClientStatus(host.name, host.title, found, str(file), configured=entry is not None)
    return ClientStatus(
        host.name,
        host.title,
        found,
        str(file),
        configured=True,
        command=command,
        exists=_exists(command, machine),
        exposed=_exposed(started.get("env")),
    )


def _exposed(env: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever the file holds
    """The secrets that are written out; ``${...}`` and its kin only say where a client is to look."""
    given = env if isinstance(env, dict) else {}
    secret = [setting.variable for setting in ALL if setting.secret]
    return tuple(name for name in secret if isinstance(given.get(name), str) and _PLAIN.fullmatch(given[name]))


def _exists(command: str, machine: Machine) -> bool:
    """Whether a path leads to a file, or a bare name is on our PATH, which may not be the host's."""
    try:
        if Path(command).is_absolute():
            return Path(command).is_file()
        return shutil.which(command, path=machine.environ.get("PATH", "")) is not None
    except (OSError, ValueError):  # a name that no system would take
        return False
