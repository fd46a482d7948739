"""Builds the entry of this server for a client, and compares entries."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._install.clients import ClientSpec

NAME = "telecmi"

# Clients add or omit these values without a change in meaning.
_DEFAULTS = {
    "type": "stdio",
    "args": [],
    "env": {},
    "environment": {},
    "enabled": True,
    "disabled": False,
    "autoApprove": [],
}


@dataclass(frozen=True, slots=True)
class Server:
    """Command that starts this server.

    Attributes:
        command: Absolute path of the program.
        args: Its arguments.
        env: Settings that are not secret, by variable.
    """

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


def build_entry(client: ClientSpec, server: Server) -> dict[str, Any]:
    """Return the entry in the form that the client reads."""
    entry: dict[str, Any] = {"type": client.kind} if client.kind else {}
    if client.command_is_list:
        entry |= {"command": [server.command, *server.args]}
    else:
        entry |= {client.command_key: server.command, "args": list(server.args)}
    return entry | ({client.env_key: dict(server.env)} if server.env else {}) | dict(client.extra)


def command_of(client: ClientSpec, entry: object) -> str:
    """Return the program that an entry starts; "" if it names none."""
    command = entry.get(client.command_key) if isinstance(entry, dict) else None
    if client.command_is_list and isinstance(command, list) and command:
        command = command[0]
    return command if isinstance(command, str) else ""


def is_equivalent(one: object, other: object) -> bool:
    """Whether both entries start the same server in the same way."""
    return _canonical(one) == _canonical(other)


def digest(entry: object) -> str:
    """Return a hash of an entry, equal for equivalent entries; it reveals nothing of the entry."""
    return hashlib.sha256(_canonical(entry).encode(errors="surrogatepass")).hexdigest()


def _canonical(entry: object) -> str:
    if isinstance(entry, dict):
        entry = {key: value for key, value in entry.items() if key not in _DEFAULTS or value != _DEFAULTS[key]}
    return json.dumps(entry, sort_keys=True, default=str)
