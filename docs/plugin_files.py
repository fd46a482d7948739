"""Write the manifests of the plugins for Claude Code and Cursor: ``make snapshots`` writes these files.

Sources: code.claude.com/docs/en/plugins-reference and /plugin-marketplaces, and what ``claude plugin validate
--strict`` of 2.1.197 accepts; cursor.com/docs/plugins/building and ``schemas/`` of github.com/cursor/plugins. Both were
read on 26 November 2026.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from docs.install_links import server_entry
from telecmi_mcp import __version__
from telecmi_mcp._config.distribution import REPOSITORY

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "plugins" / "telecmi"
NAME = "telecmi"
MARKETPLACE = "telecmi-mcp"
DESCRIPTION = "Find, look up, count and export TeleCMI contacts: an MCP server that only reads, and a skill for it."

_OWNER = "The telecmi-mcp authors"


def plugin_files() -> dict[Path, str]:
    """Return the text of each file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    plugin = {
        "name": NAME,
        "version": __version__,
        "description": DESCRIPTION,
        "author": {"name": _OWNER},
        "homepage": project["urls"]["Documentation"],
        "repository": REPOSITORY,
        "license": project["license"],
        "keywords": project["keywords"],
    }
    cursor = {"displayName": "TeleCMI contacts", "skills": "./skills/", "mcpServers": "./.mcp.json"}
    entry = {"name": NAME, "description": DESCRIPTION}
    market = {"name": MARKETPLACE, "owner": {"name": _OWNER}}
    about = "The plugin of telecmi-mcp"
    files = {
        ROOT / ".claude-plugin" / "marketplace.json": {
            **market,
            "description": about,
            "plugins": [{**entry, "source": "./plugins/telecmi"}],
        },
        ROOT / ".cursor-plugin" / "marketplace.json": {
            **market,
            "metadata": {"description": about},
            "plugins": [{**entry, "source": "plugins/telecmi"}],
        },
        PLUGIN / ".claude-plugin" / "plugin.json": plugin,
        PLUGIN / ".cursor-plugin" / "plugin.json": plugin | cursor,
        PLUGIN / ".mcp.json": {"mcpServers": {NAME: server_entry()}},
    }
    return {path: _json(value) for path, value in files.items()}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
