"""Finds the configuration file of a client's user, on any machine that can be described."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._install.clients import ClientSpec


@dataclass(frozen=True, slots=True)
class Machine:
    """A user's machine, as far as places depend on it.

    Attributes:
        platform: ``sys.platform``; what is neither ``darwin`` nor ``win32`` is taken for Linux.
        environ: The environment variables.
        home: The user's home folder.
    """

    platform: str
    environ: Mapping[str, str]
    home: Path

    @classmethod
    def here(cls, environ: Mapping[str, str]) -> Machine:
        """Describe this machine.

        Raises:
            ConfigurationError: The user has no home folder.
        """
        try:
            return cls(sys.platform, environ, Path.home())
        except RuntimeError:
            raise ConfigurationError(hint="Set HOME", fact="this user has no home folder") from None


def roots(machine: Machine) -> dict[str, Path]:
    """Return the folders that the places of hosts begin with, by their names.

    Sources: the XDG Base Directory Specification (a relative XDG_CONFIG_HOME is to be ignored); on Windows APPDATA and
    LOCALAPPDATA, which a service or a trimmed environment may lack; the hosts' own variables as ``_known`` says.
    """

    def folder(variable: str, otherwise: Path) -> Path:
        named = Path(machine.environ.get(variable, ""))
        return named if named.is_absolute() else otherwise

    home = machine.home
    return {
        "home": home,
        "config": folder("XDG_CONFIG_HOME", home / ".config"),
        "roaming": folder("APPDATA", home / "AppData" / "Roaming"),
        "local": folder("LOCALAPPDATA", home / "AppData" / "Local"),
        "claude": folder("CLAUDE_CONFIG_DIR", home),
        "codex": folder("CODEX_HOME", home / ".codex"),
        "gemini": folder("GEMINI_CLI_HOME", home),
    }


def find_file(host: ClientSpec, machine: Machine) -> Path:
    """Return the host's configuration file, which need not exist: of several, the first whose folder does."""
    platform = machine.platform if machine.platform in host.places else "linux"
    files = [Path(place.format(**roots(machine))) for place in host.places[platform]]
    return next((file for file in files if file.parent.is_dir()), files[-1])


def find_program(host: ClientSpec, machine: Machine) -> Path | None:
    """Return the host's own command; ``None`` if it has none, or none is on the PATH."""
    if host.program is None:
        return None
    found = shutil.which(host.program.name, path=machine.environ.get("PATH", ""))
    return Path(found) if found and Path(found).is_absolute() else None  # Windows also looks where we happen to be


def is_found(host: ClientSpec, machine: Machine) -> bool:
    """Whether the host seems to be used here: its command, or else the folder of its file, is there."""
    file = find_file(host, machine)
    return find_program(host, machine) is not None or (file.exists() if host.program else file.parent.is_dir())
