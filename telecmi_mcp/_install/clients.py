"""Describes each MCP client in one record, with the source of every fact.

Install uses a client's own command if the command keeps the rest of the configuration and can also remove the entry.
Claude Code's does. These commands do not, so install edits the files:

- ``codex mcp add`` and ``remove`` rewrite every server, and lose comments and unknown keys
  (github.com/openai/codex/issues/45432, of codex-cli 0.154.0; seen in 0.169.0 too).
- ``gemini mcp add`` cuts a variable's value at its second "=" (seen in 0.61.0), rewrites the file, and replaces an
  entry of the same name without a message.
- ``code --add-mcp`` has no command that removes an entry
  (code.visualstudio.com/docs/copilot/customization/mcp-servers).
- The commands of the others were not tried.

docs/clients.md says of which date each source is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
        old_places: Files of older versions of the client, on every platform.
        key: Key of the object that holds the servers.
        form: Format of the file: ``json``, ``toml`` or ``yaml``.
        kind: Value of ``type`` in an entry; "" for none.
        command_key: Key of the program in an entry.
        command_is_list: Whether the program and its arguments are one list.
        env_key: Key of the environment variables in an entry.
        extra: Further members that an entry needs.
        program: Its own command, if install uses that instead of editing the file.
        afterwards: What the user does to apply the change.
    """

    name: str
    title: str
    places: Mapping[str, tuple[str, ...]]
    old_places: tuple[str, ...] = ()
    key: str = "mcpServers"
    form: str = "json"
    kind: str = ""
    command_key: str = "command"
    command_is_list: bool = False
    env_key: str = "env"
    extra: Mapping[str, object] = field(default_factory=dict)
    program: Program | None = None
    afterwards: str = ""


def _everywhere(*places: str) -> Mapping[str, tuple[str, ...]]:
    return dict.fromkeys(("darwin", "win32", "linux"), places)


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

# Google's migrating-to-antigravity-cli.md in github.com/google-gemini/gemini-cli: a file of its own, with the shape of
# Gemini CLI. Its place was ~/.gemini/antigravity-cli/ then; the pages of developer.mescius.com and cua.ai that cite
# antigravity.google/docs/mcp name ~/.gemini/config/. ~/.gemini/antigravity/ was the editor's.
_ANTIGRAVITY = ClientSpec(
    "antigravity",
    "Antigravity",
    _everywhere("{home}/.gemini/config/mcp_config.json"),
    old_places=(
        "{home}/.gemini/antigravity-cli/mcp_config.json",
        "{home}/.gemini/antigravity/mcp_config.json",
    ),
    afterwards="Start Antigravity again; its MCP servers show it.",
)

# Windsurf was renamed on 2 June 2026. docs.devin.ai/cli/extensibility/mcp/configuration: the shape, and the folder;
# docs.sevalla.com/ai-agents/windsurf and vaadin.com/docs: mcp_config.json in it, and that of Windsurf.
_DEVIN_DESKTOP = ClientSpec(
    "devin-desktop",
    "Devin Desktop",
    {
        "darwin": ("{home}/.config/devin/mcp_config.json",),
        "win32": ("{roaming}/devin/mcp_config.json",),
        "linux": ("{config}/devin/mcp_config.json",),
    },
    old_places=("{home}/.codeium/windsurf/mcp_config.json",),
    afterwards="Press the refresh button of its MCP settings, or start it again.",
)

# docs.github.com/en/copilot/how-tos/copilot-cli/customize-copilot/add-mcp-servers: the file and the shape; the same
# site's copilot/reference/copilot-cli-reference/cli-config-dir-reference: COPILOT_HOME.
_COPILOT_CLI = ClientSpec(
    "copilot-cli",
    "GitHub Copilot CLI",
    _everywhere("{copilot}/mcp-config.json"),
    kind="local",
    extra={"tools": ["*"]},
    afterwards="Start a new session of Copilot CLI.",
)

# docs.cline.bot/getting-started/config: the file and its variables, for the extension and the CLI;
# docs.cline.bot/mcp/adding-and-configuring-servers: the shape.
_CLINE = ClientSpec(
    "cline",
    "Cline",
    _everywhere("{cline}/settings/cline_mcp_settings.json"),
    afterwards="Cline shows the server in its MCP settings.",
)

# kiro.dev/docs/mcp/configuration: the file and the shape, for the editor and the CLI.
_KIRO = ClientSpec(
    "kiro",
    "Kiro",
    _everywhere("{home}/.kiro/settings/mcp.json"),
    afterwards="Kiro shows the server in its MCP panel; in Kiro CLI, start a new session.",
)

# opencode.ai/docs/mcp-servers and opencode.ai/docs/config: the shape, and the file, with comments or without. Version 2
# reads this shape too: github.com/neon-solutions/add-mcp/issues/103, which cites opencode.ai/v2/docs/migrate-v1.
_OPENCODE = ClientSpec(
    "opencode",
    "OpenCode",
    {
        "darwin": ("{home}/.config/opencode/opencode.jsonc", "{home}/.config/opencode/opencode.json"),
        "win32": ("{home}/.config/opencode/opencode.jsonc", "{home}/.config/opencode/opencode.json"),
        "linux": ("{config}/opencode/opencode.jsonc", "{config}/opencode/opencode.json"),
    },
    key="mcp",
    kind="local",
    command_is_list=True,
    env_key="environment",
    extra={"enabled": True},
    afterwards="Start OpenCode again.",
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

# lmstudio.ai/docs/app/mcp: Cursor's shape; its page on mcp.json names the file, as quoted in
# github.com/lmstudio-ai/lmstudio-bug-tracker/issues/1371, which also names the older one.
_LM_STUDIO = ClientSpec(
    "lm-studio",
    "LM Studio",
    _everywhere("{home}/.lmstudio/mcp.json"),
    old_places=("{home}/.cache/lm-studio/mcp.json",),
    afterwards="LM Studio shows the server in its Program tab.",
)

# documentation/docs/guides/config-files.md of github.com/aaif-goose/goose: the file and the shape.
_GOOSE = ClientSpec(
    "goose",
    "Goose",
    {
        "darwin": ("{home}/.config/goose/config.yaml",),
        "win32": ("{roaming}/Block/goose/config/config.yaml",),
        "linux": ("{config}/goose/config.yaml",),
    },
    key="extensions",
    form="yaml",
    kind="stdio",
    command_key="cmd",
    env_key="envs",
    extra={"name": "telecmi", "enabled": True, "timeout": 300},
)

_ALL = (
    *(_CLAUDE_DESKTOP, _CLAUDE_CODE, _CURSOR, _VSCODE, _CODEX, _COPILOT_CLI, _GEMINI, _ANTIGRAVITY, _DEVIN_DESKTOP),
    *(_CLINE, _KIRO, _OPENCODE, _ZED, _LM_STUDIO, _GOOSE),
)

CLIENTS = {client.name: client for client in _ALL}
