"""Chooses the user of the operating system that runs the server and owns its files."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from telecmi_mcp.errors import ConfigurationError

if sys.platform != "win32":
    import pwd

_FLAG = "--service-user"


class ServiceUser(NamedTuple):
    """The user.

    Attributes:
        name: Name; "" on Windows.
        uid: Number; -1 on Windows.
        gid: Number of the main group; -1 on Windows.
    """

    name: str
    uid: int
    gid: int


def choose_service_user(name: str) -> ServiceUser:
    """Return the named user, by default the one who runs the command.

    Raises:
        ConfigurationError: There is no such user, it is root, or its files cannot be given to it.
    """
    if sys.platform == "win32":
        return ServiceUser("", -1, -1)
    own = os.geteuid()
    if not own and not name:
        hint = f"Pass {_FLAG} NAME, or run this as the user that is to run the server"
        raise ConfigurationError(hint=hint, fact="root should not run it")
    try:
        found = pwd.getpwnam(name) if name else pwd.getpwuid(own)
    except KeyError:
        hint = f"Create the user of {_FLAG}: useradd --system --shell /usr/sbin/nologin NAME"
        raise ConfigurationError(hint=hint, fact="this machine has no such user") from None
    if not found.pw_uid:
        raise ConfigurationError(hint=f"Pass another user to {_FLAG}", fact="root should not run the server")
    if own not in {0, found.pw_uid}:
        raise ConfigurationError(
            hint=f"Run this as root, or without {_FLAG}", fact="only root can give files to another user"
        )
    return ServiceUser(found.pw_name, found.pw_uid, found.pw_gid)
