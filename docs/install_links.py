"""Write what clients show without ``telecmi-mcp install``: one-click links and the MCP entries of the plugins.

``make snapshots`` writes it into the README and ``plugins/``. All of it follows ``RELEASED``, because a link or a
plugin that starts ``uvx`` needs the package on PyPI.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote

from telecmi_mcp._config.distribution import RELEASED, REPOSITORY, requirement
from telecmi_mcp._install.clients import CLIENTS

_UV = "[uv](https://docs.astral.sh/uv/)"


def server_entry(*, released: bool = RELEASED) -> dict[str, Any]:
    """Return an entry that needs no path: uvx, or before the first release the installed command."""
    if not released:
        return {"command": "telecmi-mcp", "args": ["serve"]}
    return {"command": "uvx", "args": ["--from", requirement("keyring", released=True), "telecmi-mcp", "serve"]}


def client_rows(*, released: bool = RELEASED) -> str:
    """Return the rows of the README's table of clients."""
    notes = _notes(released=released)
    return "".join(
        f"| {client.title} | `telecmi-mcp install {name}` | {notes.get(name, '')}".rstrip() + " |\n"
        for name, client in CLIENTS.items()
    )


def _notes(*, released: bool) -> dict[str, str]:
    notes = {
        "claude-desktop": "Then quit it and start it again. Or run `make bundle` and open `dist/telecmi-mcp.mcpb`.",
        "claude-code": "Or as a [plugin](plugins/telecmi/README.md), with a skill.",
        "cursor": "Or as a [plugin](plugins/telecmi/README.md), with a skill.",
        "gemini": "Google ended it for personal accounts; Antigravity follows it.",
        "devin-desktop": "Formerly Windsurf; `install windsurf` works too.",
        "goose": "Shows what to paste: its file is YAML.",
    }
    if not released:
        return notes
    bundle = f"Or open the bundle `telecmi-mcp.mcpb` of the [newest release]({REPOSITORY}/releases)."
    return notes | {
        "claude-desktop": f"Then quit it and start it again. {bundle}",
        "cursor": f"With {_UV} in one click: [**Add to Cursor**]({cursor_link()}). {notes['cursor']}",
        "vscode": f"With uv in one click: [**Add to VS Code**]({vscode_link()})",
    }


def cursor_link() -> str:
    """Return the link that adds the server to Cursor (cursor.com/docs/mcp/install-links)."""
    config = b64encode(_compact(server_entry(released=True)).encode()).decode()
    return f"https://cursor.com/en/install-mcp?name=telecmi&config={quote(config, safe='')}"


def vscode_link() -> str:
    """Return the link that adds the server to VS Code (code.visualstudio.com/docs/copilot/chat/mcp-servers)."""
    config = quote(_compact({"name": "telecmi", **server_entry(released=True)}), safe="-")
    return f"https://insiders.vscode.dev/redirect?url={quote(f'vscode:mcp/install?{config}', safe='')}"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
