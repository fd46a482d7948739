"""What all programs here have in common: a script in place of a model, and how they say what a model would be shown.

``python PROGRAM VARIANTS``: VARIANTS is a JSON object of ``{"server": COMMAND, "calls": [[TOOL, ARGUMENTS], ...]}`` by
name. The program runs the framework's own agent against each server; the script makes these calls one after the other.
With ``"advised": true`` it sets the framework up as docs/frameworks.md advises, and else as it comes.

The last line on stdout is a JSON object: the framework's version and, for each variant, the tools that the model would
be given, the text that it would be shown for each call, whether the framework marked it as an error, and the exception
that ended the run.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Calls = list[tuple[str, dict[str, Any]]]
    Conversation = Callable[..., Awaitable[dict[str, Any]]]

QUESTION = "Who is in the book?"
DONE = "That is all."


def play(package: str, converse: Conversation) -> None:
    """Hold each conversation and print what was seen."""
    variants = json.loads(sys.argv[1])
    seen = {name: asyncio.run(converse(**each)) for name, each in variants.items()}
    print(json.dumps({"version": importlib.metadata.version(package), "variants": seen}))  # noqa: T201 - the result


def shown(texts: list[str], tools: list[str], *, marks: list[bool] | None = None, ended: str = "") -> dict[str, Any]:
    """What the model was shown; a framework that has no mark for an error marks none."""
    return {"texts": texts, "tools": tools, "marks": marks or [False] * len(texts), "ended": ended}
