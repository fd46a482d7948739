"""Configuration of MCP clients: finds each client's file and edits it."""

from __future__ import annotations

NAMES = ("claude-desktop", "claude-code", "cursor", "vscode", "codex", "gemini", "windsurf", "zed")
"""Names on the command line of ``telecmi-mcp install``; ``clients`` describes each, and --help does not import it."""
