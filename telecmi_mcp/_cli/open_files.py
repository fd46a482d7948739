"""Raises the limit of open files of this process, and refuses to start where it stays too low."""

from __future__ import annotations

import os
from typing import Final

from telecmi_mcp.errors import ConfigurationError

MIN_FREE: Final = 24
"""Number of files that a command opens: an event loop, connections, an index."""

_USUAL_LIMIT = 1024


def require_open_files(needed: int = MIN_FREE) -> None:
    """Make sure that this process can open this many more files.

    Raises:
        ConfigurationError: The process cannot, and the limit cannot be raised.
    """
    if _can_open(needed):
        return
    raise_open_files(_USUAL_LIMIT)
    if not _can_open(needed):
        raise too_few_open_files()


def too_few_open_files() -> ConfigurationError:
    """Return the error for a limit that is too low."""
    return ConfigurationError(
        hint="Raise the limit of open files (ulimit -n)", fact="it is too low for this command, or too many are open"
    )


def raise_open_files(wanted: int) -> int:
    """Raise the soft limit of open files to the wanted number, as far as the hard limit allows; keep a higher one.

    Returns:
        The limit that holds now; ``wanted`` where the system has no limit.
    """
    try:
        import resource  # not on Windows
    except ImportError:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if raised <= soft:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    except (OSError, ValueError):  # macOS has a second limit, which it does not report
        return soft
    return raised


def _can_open(count: int) -> bool:
    opened: list[int] = []
    try:
        while len(opened) < count:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    finally:
        for fd in opened:
            os.close(fd)
    return True
