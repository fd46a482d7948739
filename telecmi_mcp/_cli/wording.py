"""Turns a sentence that is written for a model into one for the person at the terminal.

The errors and notices of this package speak of "the user" and of tools, because a model reads most of them.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from telecmi_mcp._config import variables
from telecmi_mcp._mcp.tool_names import ToolNames

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from telecmi_mcp._config.variables import Setting

TOOLS_AS_COMMANDS: Final = ToolNames(
    {
        "search_contacts": "telecmi-mcp search",
        "lookup_contacts": "telecmi-mcp lookup",
        "count_contacts": "telecmi-mcp count",
        "get_contact": "telecmi-mcp get",
        "list_contacts": "telecmi-mcp list",
        "export_contacts": "telecmi-mcp export",
    }
)
"""The names of tools in texts without values, as the commands that run the same code."""

_REWRITES: Final[Sequence[tuple[str, str | Callable[[re.Match[str]], str]]]] = (
    (r"\bThe user must (\w)", lambda found: found[1].upper()),
    (r"\bask the user to run\b", "run"),
    (r" in a terminal\b", ""),
    (r",? and restart this server\b", ""),
    (r"\bthe server's settings\b", "the settings"),
    (r"(?<!-)\bpage_state\b", "--page-state"),
)
_ENDING_SIGN_IN = "the user should run telecmi-mcp login in a terminal."
_CARRYING = re.compile(r"telecmi-mcp (login|install (?:CLIENT|[a-z][a-z-]*))(?! --list)(?![\w-])")
_OF_LOGIN = (variables.USER_ID, variables.BASE_URL)


def address_person(text: str, *, keep_tools: bool = False) -> str:
    """Return an error as a person at a terminal needs it: "Run telecmi-mcp login", not "The user must run".

    An error holds no value of a contact, and of arguments only an id.

    Args:
        text: The sentence.
        keep_tools: Whether names of tools stay: they are values of an access key, not advice.
    """
    for pattern, replacement in _REWRITES:
        text = re.sub(pattern, replacement, text)
    return text if keep_tools else TOOLS_AS_COMMANDS.in_text(text)


def address_person_in_notice(notice: str) -> str:
    """Return a notice of an answer as a person needs it; it may hold values of contacts, which stay as they are."""
    return notice.replace(f": {_ENDING_SIGN_IN}", ": run telecmi-mcp login.")


def carry_flags(text: str, args: argparse.Namespace) -> str:
    """Add the flags of this command line to the commands that a sentence advises: they need the same account."""

    def with_flags(found: re.Match[str]) -> str:
        settings = _OF_LOGIN if found[1] == "login" else variables.ALL
        return found[0] + "".join(f" {flag}" for flag in _given(args, settings))

    return _CARRYING.sub(with_flags, text)


def _given(args: argparse.Namespace, settings: Sequence[Setting]) -> list[str]:
    given = ((setting.flag, getattr(args, setting.variable, None)) for setting in settings)
    return [f"{flag} {shlex.quote(value)}" for flag, value in given if isinstance(value, str)]
