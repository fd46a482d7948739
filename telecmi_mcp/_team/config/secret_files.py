"""Reads the lines of a file of secrets that a setting names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._private_files import read_private
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from telecmi_mcp._config.variables import Setting


def secret_lines(path: Path, setting: Setting) -> list[str]:
    """Return the lines of a private file.

    Raises:
        ConfigurationError: The file cannot be read, or other users may read it. The sentence names the setting.
    """
    try:
        return read_private(path).decode("ascii").splitlines()
    except ConfigurationError as why:
        fact = f"{why.fact}, which {setting.variable} names"
        raise ConfigurationError(hint=why.hint, fact=fact) from None
    except (OSError, ValueError) as why:
        raise ConfigurationError(
            hint=f"Correct {setting.variable}", fact="the file that it names cannot be read", detail=type(why).__name__
        ) from None
