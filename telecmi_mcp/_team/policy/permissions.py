"""Decides what a caller may call: a key may be limited to some tools.

A caller needs ``get_contact`` to read resources, because one holds what that tool returns, and ``search_contacts`` for
completions, because those offer names and companies of contacts. Prompts hold no contact. On a server for ChatGPT,
``fetch`` needs ``get_contact``, and ``search`` needs ``search_contacts``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._mcp.tools.chatgpt import FETCH, SEARCH
from telecmi_mcp._mcp.tools.get_contact import GET_CONTACT
from telecmi_mcp._mcp.tools.search_contacts import SEARCH_CONTACTS
from telecmi_mcp.errors import ToolNotAllowed

if TYPE_CHECKING:
    from mcp.server.context import HandlerResult

    from telecmi_mcp._mcp.tools.tool import Tool
    from telecmi_mcp._team.auth.callers import Caller

_NEEDED = {"resources/read": GET_CONTACT.name, "completion/complete": SEARCH_CONTACTS.name}
_SAME_AS = {SEARCH.name: SEARCH_CONTACTS.name, FETCH.name: GET_CONTACT.name}


def permission_error(caller: Caller, method: str, tool: Tool | None) -> ToolNotAllowed | None:
    """Return the error of a call that the caller may not make; an unknown tool is left to the handler."""
    name = _NEEDED.get(method) if tool is None else tool.name
    return ToolNotAllowed() if name is not None and not _may_call(caller, name) else None


def allowed_list(caller: Caller, result: HandlerResult) -> HandlerResult:
    """Return the result of ``tools/list`` with the tools that the caller may call."""
    if caller.tools is None or not isinstance(result, dict):
        return result
    return {**result, "tools": [tool for tool in result["tools"] if _may_call(caller, tool["name"])]}


def _may_call(caller: Caller, tool: str) -> bool:
    return caller.may_call(_SAME_AS.get(tool, tool))
