"""The entry of this server in a client's configuration, and when two entries mean the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._install.clients import ClientSpec

NAME = "telecmi"

_UNSAID = {"type": "stdio", "args": [], "env": {}}  # what hosts add to an entry, or leave out of it, without a change


@dataclass(frozen=True, slots=True)
class Server:
    """How this server is started.

    Attributes:
        command: The absolute path of the program.
        args: Its arguments.
        env: Settings that are not secret, by their variables.
    """

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


def shape(host: ClientSpec, server: Server) -> dict[str, Any]:
    """Return the server as the host wants it in its configuration."""
    entry: dict[str, Any] = {"type": host.kind} if host.kind else {}
    entry |= {"command": server.command, "args": list(server.args)}
    return entry | ({"env": dict(server.env)} if server.env else {})


def means_the_same(one: object, other: object) -> bool:
    """Whether a host would start the same server for both entries, in the same way."""
    return _meaning(one) == _meaning(other)


def digest(entry: object) -> str:
    """Return what tells an entry from others: equal for those that mean the same, and nothing can be read from it."""
    return hashlib.sha256(_meaning(entry).encode(errors="surrogatepass")).hexdigest()


def _meaning(entry: object) -> str:
    if isinstance(entry, dict):
        entry = {key: value for key, value in entry.items() if key not in _UNSAID or value != _UNSAID[key]}
    return json.dumps(entry, sort_keys=True, default=str)
