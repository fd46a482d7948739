"""Decides what a caller may call: a key may be limited to some tools.

A caller needs ``get_contact`` to read resources, because one holds what that tool returns, and ``search_contacts`` for
completions, because those offer names and companies of contacts. Prompts hold no contact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telecmi_mcp._mcp.tools.get_contact import GET_CONTACT
from telecmi_mcp._mcp.tools.registry import TOOLS
from telecmi_mcp._mcp.tools.search_contacts import SEARCH_CONTACTS
from telecmi_mcp.errors import ToolNotAllowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.server.context import HandlerResult

    from telecmi_mcp._team.auth.callers import Caller

_NEEDED = {"resources/read": GET_CONTACT.name, "completion/complete": SEARCH_CONTACTS.name}
_NAMES = frozenset(tool.name for tool in TOOLS)


def permission_error(caller: Caller, method: str, params: Mapping[str, Any]) -> ToolNotAllowed | None:
    """Return the error of a call that the caller may not make; an unknown tool is left to the handler."""
    tool = params.get("name") if method == "tools/call" else _NEEDED.get(method)
    if isinstance(tool, str) and tool in _NAMES and not caller.may_call(tool):
        return ToolNotAllowed(tool)
    return None


def allowed_list(caller: Caller, result: HandlerResult) -> HandlerResult:
    """Return the result of ``tools/list`` with the tools that the caller may call."""
    if caller.tools is None or not isinstance(result, dict):
        return result
    return {**result, "tools": [tool for tool in result["tools"] if caller.may_call(tool["name"])]}
