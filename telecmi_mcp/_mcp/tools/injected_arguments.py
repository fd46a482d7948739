"""Names of arguments that hosts add to every call of a tool, with a source for each.

A tool drops these arguments, because neither a user nor a model can stop the host. No name that could narrow an answer
is in the list: dropping such an argument would answer about all contacts. The sources for Antigravity and Cursor show
arguments of the host's own tools, which a model repeats for other tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from telecmi_mcp._mcp.tools.parameter_names import changes_an_answer, normalized

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class InjectedArgument(NamedTuple):
    """One argument that a host adds.

    Attributes:
        name: Its name, as the source spells it.
        host: The host, or the framework, that adds it.
        source: Address of a report or of the host's own text.
    """

    name: str
    host: str
    source: str


_N8N = "https://github.com/mpeirone/zabbix-mcp-server/pull/27"
_ANTIGRAVITY = "https://github.com/dankmrpanda/antigravity-proxy"

INJECTED_ARGUMENTS = (
    InjectedArgument("sessionId", "n8n", _N8N),
    InjectedArgument("action", "n8n", _N8N),
    InjectedArgument("chatInput", "n8n", _N8N),
    InjectedArgument("toolCallId", "n8n", "https://github.com/n8n-io/n8n/issues/21500"),
    InjectedArgument("tool", "n8n", "https://github.com/n8n-io/n8n/pull/35067"),
    InjectedArgument("task_progress", "Cline", "https://github.com/cline/cline/issues/10426"),
    InjectedArgument("wait_for_previous", "Gemini CLI", "https://github.com/google-gemini/gemini-cli/issues/27403"),
    InjectedArgument("toolSummary", "Antigravity", _ANTIGRAVITY),
    InjectedArgument("toolAction", "Antigravity", _ANTIGRAVITY),
    InjectedArgument(
        "waitForPreviousTools",
        "Antigravity",
        "https://deepwiki.com/x1xhlol/system-prompts-and-models-of-ai-tools/3.3-tool-system-and-persistent-context",
    ),
    InjectedArgument(
        "explanation",
        "Cursor",
        "https://github.com/x1xhlol/system-prompts-and-models-of-ai-tools/tree/main/Cursor%20Prompts",
    ),
    InjectedArgument("security_context", "CrewAI", "https://github.com/crewAIInc/crewAI/issues/4796"),
    InjectedArgument("_auth_auth_type", "mcpproxy", "https://github.com/smart-mcp-proxy/mcpproxy-go/issues/322"),
)
"""The arguments that reports name. Other names that begin with ``_`` are dropped too."""

_NORMALIZED = frozenset(normalized(each.name) for each in INJECTED_ARGUMENTS)


def without_injected(arguments: Mapping[str, Any], parameters: Collection[str]) -> dict[str, Any]:
    """Return arguments without those that a host has added, and that no parameter of the tool is named like."""
    own = {normalized(parameter) for parameter in parameters}
    return {name: value for name, value in arguments.items() if normalized(name) in own or not _is_injected(name)}


def _is_injected(name: str) -> bool:
    return normalized(name) in _NORMALIZED or (name.startswith("_") and not changes_an_answer(name))
