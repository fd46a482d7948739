"""Writes what a user does by hand: what to paste where, or which command to run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from telecmi_mcp._install import config_file
from telecmi_mcp._install.client_cli import add_command, format_command
from telecmi_mcp._install.entry import NAME, build_entry
from telecmi_mcp.errors import ClientConfigError

if TYPE_CHECKING:
    from telecmi_mcp._install.apply import ConfigTarget
    from telecmi_mcp._install.entry import Server


def manual_steps(target: ConfigTarget, server: Server) -> str:
    """Return the command to run, or the block of text and where in the file it belongs."""
    entry = build_entry(target.client, server)
    if target.client.program:
        return f"Run this command:\n\n{format_command(add_command(target.client, entry), target.machine)}\n"
    where, block = _block(target, entry)
    return f"{where}\n\n{block}\n"


def _block(target: ConfigTarget, entry: dict[str, Any]) -> tuple[str, str]:
    key, whole = target.client.key, target.form.show(target.client.key, NAME, entry)
    try:
        text = config_file.read(target.file).text
        place = target.form.paste(text, key, NAME, entry)
    except ClientConfigError as error:
        return (
            f"Correct {target.file}: {error.fact}. Then run this command again.\n"
            "Or replace all of its text by this, which has no other server and no other setting:"
        ), whole
    if place is not None:
        return f"Paste this into {target.file} {_position(text, place[0])}:", place[1].strip("\n")
    return _replacement(target, text, entry) or (f"Add this to {target.file}", whole)


def _replacement(target: ConfigTarget, text: str, entry: dict[str, Any]) -> tuple[str, str] | None:
    """Return what replaces an entry, or something that is no object of servers; ``None`` if there is neither."""
    key = target.client.key
    if target.client.form != "json" or key not in (value := target.form.read(text)):
        return None
    name, new = (NAME, entry) if isinstance(value[key], dict) else (key, {NAME: entry})
    return (
        f'In {target.file}, replace "{name}" and its value by this:',
        f'"{name}": {json.dumps(new, indent=2, ensure_ascii=False)}',
    )


def _position(text: str, at: int) -> str:
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    if at == len(text):
        return "at its end, on a line of its own"
    if column == 1:
        return f"below line {line - 1}"
    return f"at line {line}, column {column}, after the brace"
