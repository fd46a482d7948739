"""Describes each MCP client in one record, with the source of every fact.

Install uses a client's own command if the command keeps the rest of the configuration and can also remove the entry.
Claude Code's does. These commands do not, so install edits the files:

- ``codex mcp add`` and ``remove`` rewrite every server, and lose comments and unknown keys
  (github.com/openai/codex/issues/45432, of codex-cli 0.154.0; seen in 0.169.0 too).
- ``gemini mcp add`` cuts a variable's value at its second "=" (seen in 0.61.0), rewrites the file, and replaces an
  entry of the same name without a message.
- ``code --add-mcp`` has no command that removes an entry
  (code.visualstudio.com/docs/copilot/customization/mcp-servers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Program:
    """A client's own command that changes its configuration.

    Attributes:
        name: Name of the program on the PATH.
        add: Arguments that add a server; ``{name}`` and ``{entry}`` (JSON) are replaced.
        remove: Arguments that remove a server.
    """

    name: str
    add: tuple[str, ...]
    remove: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClientSpec:
    """A program that starts MCP servers.

    Attributes:
        name: Its name on the command line of ``telecmi-mcp install``.
        title: Its product name.
        places: The user's configuration file by platform; of several, the first whose folder exists. ``paths.roots``
            defines the names in braces.
        key: Key of the object that holds the servers.
        form: Format of the file: ``json`` or ``toml``.
        kind: Value of ``type`` in an entry; "" for none.
        program: Its own command, if install uses that instead of editing the file.
        afterwards: What the user does to apply the change.
    """

    name: str
    title: str
    places: Mapping[str, tuple[str, ...]]
    key: str = "mcpServers"
    form: str = "json"
    kind: str = ""
    program: Program | None = None
    afterwards: str = ""


def _everywhere(place: str) -> Mapping[str, tuple[str, ...]]:
    return dict.fromkeys(("darwin", "win32", "linux"), (place,))


# modelcontextprotocol.io/docs/develop/connect-local-servers: the files of macOS and Windows, and the restart.
# The Store's build has its folders redirected into its package: github.com/anthropics/claude-code/issues/48362.
# There is no official build for Linux; the others follow Electron, whose userData is in XDG_CONFIG_HOME.
_CLAUDE_DESKTOP = ClientSpec(
    "claude-desktop",
    "Claude Desktop",
    {
        "darwin": ("{home}/Library/Application Support/Claude/claude_desktop_config.json",),
        "win32": (
            "{local}/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude/claude_desktop_config.json",
            "{roaming}/Claude/claude_desktop_config.json",
        ),
        "linux": ("{config}/Claude/claude_desktop_config.json",),
    },
    afterwards="Quit Claude Desktop, also in the menu bar or tray, and start it again.",
)

# code.claude.com/docs/en/mcp: add-json, remove, the scope "user", and the file. With CLAUDE_CONFIG_DIR the file is
# in there: github.com/anthropics/claude-code/issues/48448. It is large, and running sessions write it.
_CLAUDE_CODE = ClientSpec(
    "claude-code",
    "Claude Code",
    _everywhere("{claude}/.claude.json"),
    kind="stdio",
    program=Program(
        "claude",
        add=("mcp", "add-json", "--scope", "user", "{name}", "{entry}"),
        remove=("mcp", "remove", "--scope", "user", "{name}"),
    ),
    afterwards="Start a new session of Claude Code.",
)

# cursor.com/docs/mcp: the global file, and the shape.
_CURSOR = ClientSpec(
    "cursor",
    "Cursor",
    _everywhere("{home}/.cursor/mcp.json"),
    afterwards="Restart Cursor, and see that the server is switched on in its MCP settings.",
)

# code.visualstudio.com/docs/copilot/reference/mcp-configuration: "servers", and "type" is required;
# code.visualstudio.com/docs/configure/settings: the folder of the default profile. No page documents Linux
# with XDG_CONFIG_HOME; VS Code is built on Electron, which follows it.
_VSCODE = ClientSpec(
    "vscode",
    "VS Code",
    {
        "darwin": ("{home}/Library/Application Support/Code/User/mcp.json",),
        "win32": ("{roaming}/Code/User/mcp.json",),
        "linux": ("{config}/Code/User/mcp.json",),
    },
    key="servers",
    kind="stdio",
    afterwards="VS Code asks whether you trust the server when it starts it for the first time.",
)

# developers.openai.com/codex/mcp: the table and its keys; the same site's codex/environment-variables: CODEX_HOME.
_CODEX = ClientSpec(
    "codex",
    "Codex",
    _everywhere("{codex}/config.toml"),
    key="mcp_servers",
    form="toml",
    afterwards="Start a new session of Codex.",
)

# github.com/google-gemini/gemini-cli/blob/main/docs/tools/mcp-server.md: the file and the shape. A variable that looks
# like a secret (*TOKEN*, *PASSWORD* ...) is inherited only if the entry names it: the same page, "Security and
# environment sanitization". GEMINI_CLI_HOME: github.com/google-gemini/gemini-cli/issues/28206.
_GEMINI = ClientSpec(
    "gemini",
    "Gemini CLI",
    _everywhere("{gemini}/.gemini/settings.json"),
    afterwards="Start a new session of Gemini CLI, in a folder that it trusts: in others it starts no server.",
)

# docs.windsurf.com/windsurf/cascade/mcp: the file and the shape.
_WINDSURF = ClientSpec(
    "windsurf",
    "Windsurf",
    _everywhere("{home}/.codeium/windsurf/mcp_config.json"),
    afterwards="Press the refresh button of Windsurf's MCP settings.",
)

# zed.dev/docs/ai/mcp: "context_servers" and the shape; zed.dev/docs/configuring-zed: the file, and XDG_CONFIG_HOME on
# Linux only. On Windows it is in the roaming folder: crates/paths/src/paths.rs of github.com/zed-industries/zed.
_ZED = ClientSpec(
    "zed",
    "Zed",
    {
        "darwin": ("{home}/.config/zed/settings.json",),
        "win32": ("{roaming}/Zed/settings.json",),
        "linux": ("{config}/zed/settings.json",),
    },
    key="context_servers",
    afterwards="Zed starts the server by itself; its Agent settings show it.",
)

CLIENTS = {
    client.name: client
    for client in (_CLAUDE_DESKTOP, _CLAUDE_CODE, _CURSOR, _VSCODE, _CODEX, _GEMINI, _WINDSURF, _ZED)
}
