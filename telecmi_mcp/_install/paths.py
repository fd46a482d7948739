"""Finds the configuration file of a client for a platform, an environment and a home folder."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telecmi_mcp._install.clients import ClientSpec


@dataclass(frozen=True, slots=True)
class Machine:
    """What the paths depend on.

    Attributes:
        platform: ``sys.platform``; anything but ``darwin`` and ``win32`` counts as Linux.
        environ: The environment variables.
        home: The user's home folder.
    """

    platform: str
    environ: Mapping[str, str]
    home: Path

    @classmethod
    def here(cls, environ: Mapping[str, str]) -> Machine:
        """Describe this computer.

        Raises:
            ConfigurationError: The user has no home folder.
        """
        try:
            return cls(sys.platform, environ, Path.home())
        except RuntimeError:
            raise ConfigurationError(hint="Set HOME", fact="this user has no home folder") from None


def roots(machine: Machine) -> dict[str, Path]:
    """Return the folders that the paths of clients start with, by name.

    Sources: the XDG Base Directory Specification (a relative XDG_CONFIG_HOME must be ignored); on Windows APPDATA and
    LOCALAPPDATA, which the environment of a service may lack; the clients' own variables, see ``clients``.
    """

    def folder(variable: str, default: Path) -> Path:
        path = Path(machine.environ.get(variable, ""))
        return path if path.is_absolute() else default

    home = machine.home
    return {
        "home": home,
        "config": folder("XDG_CONFIG_HOME", home / ".config"),
        "roaming": folder("APPDATA", home / "AppData" / "Roaming"),
        "local": folder("LOCALAPPDATA", home / "AppData" / "Local"),
        "claude": folder("CLAUDE_CONFIG_DIR", home),
        "codex": folder("CODEX_HOME", home / ".codex"),
        "gemini": folder("GEMINI_CLI_HOME", home),
        "copilot": folder("COPILOT_HOME", home / ".copilot"),
        "cline": folder("CLINE_DATA_DIR", folder("CLINE_DIR", home / ".cline") / "data"),
    }


def find_file(client: ClientSpec, machine: Machine) -> Path:
    """Return the client's configuration file, which may not exist.

    Of several, it is one in the first folder that exists: the first file there that exists, else the last. Only if no
    such folder exists, it is a file of an older version of the client whose folder exists.
    """
    platform = machine.platform if machine.platform in client.places else "linux"
    files = _paths(client.places[platform], machine)
    folders = [file.parent for file in files if file.parent.is_dir()]
    if not folders:
        return next((file for file in _old_paths(client, machine) if file.parent.is_dir()), files[-1])
    there = [file for file in files if file.parent == folders[0]]
    return next((file for file in there if file.exists()), there[-1])


def old_files(client: ClientSpec, machine: Machine) -> list[Path]:
    """Return the configuration files of older versions of the client that exist."""
    return [file for file in _old_paths(client, machine) if file.exists()]


def _old_paths(client: ClientSpec, machine: Machine) -> list[Path]:
    return _paths(client.old_places, machine)


def _paths(places: Sequence[str], machine: Machine) -> list[Path]:
    return [Path(place.format(**roots(machine))) for place in places]


def find_program(client: ClientSpec, machine: Machine) -> Path | None:
    """Return the path of the client's own command; ``None`` if it has none, or none is on the PATH."""
    if client.program is None:
        return None
    found = shutil.which(client.program.name, path=machine.environ.get("PATH", ""))
    return Path(found) if found and Path(found).is_absolute() else None  # Windows also searches the current folder


def is_found(client: ClientSpec, machine: Machine) -> bool:
    """Whether the client seems to be installed: its command or the folder of its file exists."""
    file = find_file(client, machine)
    return find_program(client, machine) is not None or (file.exists() if client.program else file.parent.is_dir())
