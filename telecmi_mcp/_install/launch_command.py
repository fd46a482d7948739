"""Finds the command with which a client starts this server."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from telecmi_mcp._config.distribution import requirement
from telecmi_mcp._install.entry import Server
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCRIPTS = ("telecmi-mcp", "telecmi-mcp.exe")

# uvx and "uv run --with" make environments in these folders of uv's cache (crates/uv-cache/src/lib.rs of
# github.com/astral-sh/uv), which `uv cache clean` and `uv cache prune` empty.
_IN_UV_CACHE = re.compile(r"(archive|builds|environments)-v\d+")


def find_server(argv0: str, executable: str, prefix: str, environ: Mapping[str, str], args: tuple[str, ...]) -> Server:
    """Return the command with which a client starts the running program.

    The path of the running program is kept with its symbolic links: `uv tool` and pipx create a stable link to a path
    that changes with each upgrade.

    Args:
        argv0: ``sys.argv[0]``.
        executable: ``sys.executable``.
        prefix: ``sys.prefix``.
        environ: The environment variables.
        args: The arguments of the server.

    Raises:
        ConfigurationError: The program runs from a temporary environment.
    """
    if _is_temporary(Path(prefix), environ):
        hint = f'Run uv tool install --compile-bytecode "{requirement("keyring")}", then telecmi-mcp install'
        raise ConfigurationError(hint=hint, fact="this program runs from a temporary cache")
    script = _script(Path(argv0), Path(executable).parent)
    return Server(str(script), args) if script else Server(executable, ("-P", "-m", "telecmi_mcp", *args))


def _is_temporary(prefix: Path, environ: Mapping[str, str]) -> bool:
    """Whether uvx or `pipx run` created the environment."""
    cache = environ.get("UV_CACHE_DIR", "")
    parts = prefix.parts
    of_uv = any(_IN_UV_CACHE.fullmatch(part) for part in parts) or (bool(cache) and prefix.is_relative_to(cache))
    of_pipx = any(pair in {("pipx", ".cache"), (".cache", "pipx"), ("Caches", "pipx")} for pair in pairwise(parts))
    return of_uv or of_pipx


def _script(called: Path, beside: Path) -> Path | None:
    """Return the running script, else the one beside the interpreter; Windows may omit .exe."""
    called = called.absolute()
    named = [called, called.with_name(f"{called.name}.exe")] if called.name in _SCRIPTS else []
    for path in [*named, *(beside / name for name in _SCRIPTS)]:
        if path.is_file():
            return path.absolute()
    return None
