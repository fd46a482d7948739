"""Configuration of MCP clients: finds each client's file and edits it."""

from __future__ import annotations

NAMES = ("claude-desktop", "claude-code", "cursor", "vscode", "codex", "gemini", "windsurf", "zed")
"""What ``telecmi-mcp install`` calls them; each has its record in ``_known``, which --help does not load."""
