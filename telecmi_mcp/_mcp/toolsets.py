"""Chooses the tools of a server, their names, and what else it offers, by the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telecmi_mcp._mcp.server_info import CHATGPT_INSTRUCTIONS, INSTRUCTIONS
from telecmi_mcp._mcp.tool_names import BARE_NAMES, ToolNames
from telecmi_mcp._mcp.tools.registry import CHATGPT_TOOLS, LOCAL_TOOLS, TOOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telecmi_mcp._mcp.tools.tool import Tool

_CHATGPT_NAMES = ToolNames(
    {
        "list_contacts and get_contact, which work": "fetch, which works",
        "search_contacts": "search",
        "get_contact": "fetch",
    }
)
"""How texts that name tools read on a server for ChatGPT, such as the errors, which all servers share."""


@dataclass(frozen=True, slots=True)
class Toolset:
    """What a server offers.

    Attributes:
        tools: The tools.
        names: Their names, and those of tools in texts.
        instructions: The instructions of the server.
        has_only_tools: True if there are no prompts, resources and completions.
    """

    tools: Sequence[Tool] = TOOLS
    names: ToolNames = BARE_NAMES
    instructions: str = INSTRUCTIONS
    has_only_tools: bool = False

    @property
    def by_name(self) -> dict[str, Tool]:
        """The tools by their names on the server."""
        return {self.names.shown(tool.name): tool for tool in self.tools}


ALL = Toolset()
"""What a server offers without settings."""


def toolset_of(tools: str = "all", tool_prefix: str = "", *, exports: bool = False) -> Toolset:
    """Return the toolset of the settings of these names.

    Args:
        tools: ``all`` or ``chatgpt``.
        tool_prefix: Text before the name of each tool; "" for ``chatgpt``.
        exports: Whether ``all`` includes the tool that writes files.
    """
    if tools == "chatgpt":
        return Toolset(CHATGPT_TOOLS, _CHATGPT_NAMES, CHATGPT_INSTRUCTIONS, has_only_tools=True)
    names = ToolNames.with_prefix(tool_prefix, [tool.name for tool in LOCAL_TOOLS])
    return Toolset(LOCAL_TOOLS if exports else TOOLS, names)
