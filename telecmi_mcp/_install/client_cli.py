"""Runs a client's own command: an argument list, no shell, a time limit."""

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

_SECONDS = 60.0
_MOST_SAID = 2000
_BATCH = {".bat", ".cmd"}


def adding(host: ClientSpec, entry: dict[str, Any]) -> list[str]:
    """Return the words of the command that adds an entry."""
    return _words(host, host.program.add, json.dumps(entry, ensure_ascii=False)) if host.program else []


def removing(host: ClientSpec) -> list[str]:
    """Return the words of the command that removes the entry."""
    return _words(host, host.program.remove, "") if host.program else []


def on_a_line(words: Sequence[str], machine: Machine) -> str:
    """Return the command as a person would type it."""
    return subprocess.list2cmdline(words) if machine.platform == "win32" else shlex.join(words)


def run(host: ClientSpec, machine: Machine, words: Sequence[str]) -> None:
    """Run a host's own command.

    Raises:
        HostUnchanged: It is not here, or did not succeed; ``detail`` is what it said.
    """
    program = find_program(host, machine)
    if program is None:
        raise ClientConfigError(hint="Run the command yourself", fact=f"{words[0]} is not on the PATH")
    if program.suffix.lower() in _BATCH:  # cmd.exe takes the quotes of JSON apart
        raise ClientConfigError(hint="Run the command yourself", fact=f"{words[0]} is a batch file here")
    try:
        done = subprocess.run(  # noqa: S603 - the host's own command, with words of ours
            [program, *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            env=dict(machine.environ),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ClientConfigError(hint="Run the command yourself", fact=f"{words[0]} did not end in time") from None
    except OSError:
        raise ClientConfigError(hint="Run the command yourself", fact=f"{words[0]} could not be started") from None
    if done.returncode:
        fact = f"{words[0]} failed with the exit code {done.returncode}"
        raise ClientConfigError(hint="Read what it said", fact=fact, detail=_said(done.stdout))


def _words(host: ClientSpec, arguments: tuple[str, ...], entry: str) -> list[str]:
    filled = [{"{name}": NAME, "{entry}": entry}.get(argument, argument) for argument in arguments]
    return [host.program.name, *filled] if host.program else []


def _said(output: bytes) -> str:
    lines = output.decode(errors="replace")[:_MOST_SAID].splitlines()
    return "\n".join(clean(line, limit=_MOST_SAID) for line in lines)
