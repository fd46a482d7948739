"""Configuration of MCP clients: finds each client's file and edits it."""

from __future__ import annotations

NAMES = (
    "claude-desktop",
    "claude-code",
    "cursor",
    "vscode",
    "codex",
    "copilot-cli",
    "gemini",
    "antigravity",
    "devin-desktop",
    "cline",
    "kiro",
    "opencode",
    "zed",
    "lm-studio",
    "goose",
)
"""Names on the command line of ``telecmi-mcp install``; ``clients`` describes each, and --help does not import it."""

FORMER_NAMES = {"windsurf": "devin-desktop"}
"""Names that a client had before, which ``telecmi-mcp install`` accepts too."""
