"""Finds the installed clients, those that have this server, and whether the command in their files exists."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telecmi_mcp._config.variables import ALL
from telecmi_mcp._install import config_file
from telecmi_mcp._install.apply import find_entry
from telecmi_mcp._install.clients import CLIENTS
from telecmi_mcp._install.entry import command_of
from telecmi_mcp._install.formats.config_format import CONFIG_FORMATS
from telecmi_mcp._install.paths import find_file, is_found
from telecmi_mcp.errors import ClientConfigError

if TYPE_CHECKING:
    from telecmi_mcp._install.clients import ClientSpec
    from telecmi_mcp._install.paths import Machine

_PLAIN = re.compile(r"\s*[^\s$].*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """State of one client.

    Attributes:
        host: Its name on the command line.
        title: Its product name.
        found: Whether it seems to be installed.
        file: Path of its configuration file, which may not exist.
        configured: Whether it has an entry for this server; ``None`` if its file cannot be read, or is YAML.
        command: The command of the entry; "" if there is none.
        exists: Whether the command exists; ``None`` if there is no command.
        is_sandbox: Whether the entry serves invented contacts.
        exposed: Names of the secret settings that the entry holds in plain text.
        problem: Why the file cannot be read; "" if it can.
    """

    host: str
    title: str
    found: bool
    file: str
    configured: bool | None
    command: str = ""
    exists: bool | None = None
    is_sandbox: bool = False
    exposed: tuple[str, ...] = ()
    problem: str = ""


def detect_clients(machine: Machine) -> list[ClientStatus]:
    """Return the state of every known client, without changing or running anything."""
    return [_status(client, machine) for client in CLIENTS.values()]


def _status(client: ClientSpec, machine: Machine) -> ClientStatus:
    file = find_file(client, machine)
    status = ClientStatus(client.name, client.title, is_found(client, machine), str(file), configured=None)
    if client.form == "yaml":
        return status
    try:
        entry = find_entry(CONFIG_FORMATS[client.form], client, config_file.read(file).text)
    except ClientConfigError as error:
        return replace(status, problem=error.fact)
    server: dict[str, Any] = entry if isinstance(entry, dict) else {}
    command = command_of(client, server)
    if not command:
        return replace(status, configured=entry is not None)
    exists, exposed = _exists(command, machine), _exposed(server.get(client.env_key))
    is_sandbox = "--sandbox" in json.dumps(server)
    return replace(status, configured=True, command=command, exists=exists, is_sandbox=is_sandbox, exposed=exposed)


def _exposed(env: Any) -> tuple[str, ...]:
    """Return the secrets in plain text; a value such as ``${...}`` is only a reference."""
    given = env if isinstance(env, dict) else {}
    secret = [setting.variable for setting in ALL if setting.secret]
    return tuple(name for name in secret if isinstance(given.get(name), str) and _PLAIN.fullmatch(given[name]))


def _exists(command: str, machine: Machine) -> bool:
    """Whether a path is a file, or a name is on this process's PATH, which may differ from the client's."""
    try:
        if Path(command).is_absolute():
            return Path(command).is_file()
        return shutil.which(command, path=machine.environ.get("PATH", "")) is not None
    except (OSError, ValueError):  # a name that the system does not accept
        return False
