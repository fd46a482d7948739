"""Runs a client's own command without a shell and with a timeout."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from telecmi_mcp._install.entry import NAME
from telecmi_mcp._install.paths import find_program
from telecmi_mcp._sanitize import clean
from telecmi_mcp.errors import ClientConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telecmi_mcp._install.clients import ClientSpec
    from telecmi_mcp._install.paths import Machine

_TIMEOUT_S = 60.0
_MAX_OUTPUT_CHARS = 2000
_BATCH_SUFFIXES = {".bat", ".cmd"}


def add_command(client: ClientSpec, entry: dict[str, Any]) -> list[str]:
    """Return the command that adds an entry."""
    return _words(client, client.program.add, json.dumps(entry, ensure_ascii=False)) if client.program else []


def remove_command(client: ClientSpec) -> list[str]:
    """Return the command that removes the entry."""
    return _words(client, client.program.remove, "") if client.program else []


def format_command(words: Sequence[str], machine: Machine) -> str:
    """Return the command as a user types it in a shell."""
    return subprocess.list2cmdline(words) if machine.platform == "win32" else shlex.join(words)


def run(client: ClientSpec, machine: Machine, words: Sequence[str]) -> None:
    """Run a client's own command.

    Raises:
        ClientConfigError: The command is missing or failed; ``detail`` is its output.
    """
    program = find_program(client, machine)
    if program is None:
        raise ClientConfigError(hint="Run the command yourself", fact=f"{words[0]} is not on the PATH")
    if program.suffix.lower() in _BATCH_SUFFIXES:  # cmd.exe breaks the quotes of JSON
        raise ClientConfigError(hint="Run the command yourself", fact=f"{words[0]} is a batch file")
    try:
        done = subprocess.run(  # noqa: S603 - the client's own command with our arguments
            [program, *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_S,
            env=dict(machine.environ),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ClientConfigError(hint="Run the command yourself", fact=f"{words[0]} did not finish in time") from None
    except OSError:
        raise ClientConfigError(hint="Run the command yourself", fact=f"{words[0]} could not be started") from None
    if done.returncode:
        fact = f"{words[0]} failed with the exit code {done.returncode}"
        raise ClientConfigError(hint="Read its output", fact=fact, detail=_clean_output(done.stdout))


def _words(client: ClientSpec, arguments: tuple[str, ...], entry: str) -> list[str]:
    filled = [{"{name}": NAME, "{entry}": entry}.get(argument, argument) for argument in arguments]
    return [client.program.name, *filled] if client.program else []


def _clean_output(output: bytes) -> str:
    lines = output.decode(errors="replace")[:_MAX_OUTPUT_CHARS].splitlines()
    return "\n".join(clean(line, limit=_MAX_OUTPUT_CHARS) for line in lines)
