"""Writes the systemd unit of a team server."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from telecmi_mcp._team.config.settings import TeamSettings

NAME: Final = "telecmi-mcp.service"
"""Name of the unit's file."""

_STOP_S = 20  # that a server needs after the time of a call, with room
_PRIVILEGED_PORTS = 1024
_PLAIN_PATH = re.compile(r"(?:/[\w.+@-]+)+")
_CAPABILITY = "CAP_NET_BIND_SERVICE"
_UNIT = """\
# Written by telecmi-mcp team setup: the server runs as {user}, with the settings in the EnvironmentFile.
[Unit]
Description=TeleCMI contacts for a team, over MCP
Documentation=https://github.com/telecmi-mcp/telecmi-mcp/blob/main/docs/teams.md
Wants=network-online.target
After=network-online.target postgresql.service

[Service]
Type=exec
User={user}
EnvironmentFile={settings}
Environment=XDG_STATE_HOME=%S
StateDirectory=telecmi-mcp
StateDirectoryMode=0700
ExecStart={command}
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=2
TimeoutStopSec={stop_s}

# It needs the network, its own files and nothing else.
AmbientCapabilities={capabilities}
CapabilityBoundingSet={capabilities}
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
UMask=0077

[Install]
WantedBy=multi-user.target
"""


def format_unit(settings: TeamSettings, *, settings_file: Path, user: str, command: Sequence[str]) -> bytes:
    """Return the text of the unit.

    Args:
        settings: The configuration.
        settings_file: Path of the settings file.
        user: The user that runs the server.
        command: Path of the program, and its arguments.

    Raises:
        ConfigurationError: A path has characters with a meaning for systemd.
    """
    program = command[0]
    for path, what in ((str(settings_file), "Choose another --folder"), (program, "Install telecmi-mcp elsewhere")):
        if not _PLAIN_PATH.fullmatch(path):
            fact = "systemd takes a path of letters, digits and / . _ + @ - only"
            raise ConfigurationError(hint=what, fact=fact)
    is_privileged = 0 < settings.listen.port < _PRIVILEGED_PORTS
    text = _UNIT.format(
        user=user,
        settings=settings_file,
        command=" ".join(command),
        stop_s=math.ceil(settings.common.timeout) + _STOP_S,
        capabilities=_CAPABILITY if is_privileged else "",
    )
    return text.encode()
