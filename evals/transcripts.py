"""Reads and writes transcripts: a JSON line about the run, then one for each call and each answer of an agent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evals.attempt import Attempt
from evals.book import book_hash
from evals.claims import Claim, read_claims
from evals.scorer import Call
from evals.tasks import make_tasks
from telecmi_mcp._mcp.server_info import INSTRUCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evals.task import Task

STORED: Final = Path(__file__).parent / "transcripts"
"""Folder of the transcripts that belong to the project."""
_SNAPSHOTS: Final = Path(__file__).parent.parent / "tests" / "toolsnaps"


class InvalidTranscript(ValueError):
    """A file that is no transcript."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The run of one agent.

    Attributes:
        name: Name of its file, without the extension.
        date: Day of the run, as ISO 8601 writes it.
        model: Name of the model.
        tools: Hash of what the agent saw of the tools.
        questions: Hash of the book and of the prompts.
        attempts: What it did, by the codes of the tasks.
    """

    name: str
    date: str
    model: str
    tools: str
    questions: str
    attempts: Mapping[str, Attempt]

    @property
    def is_stale(self) -> bool:
        """True if the tools, the book or the tasks are others today."""
        return (self.tools, self.questions) != (tools_hash(), questions_hash())


def tools_hash() -> str:
    """Return a hash of what an agent sees of the server: the snapshots of the tools, and the instructions."""
    texts = {path.name: path.read_text(encoding="utf8") for path in sorted(_SNAPSHOTS.glob("*.json"))}
    tools = [text for text in texts.values() if '"inputSchema"' in text]
    return sha256("\n".join([INSTRUCTIONS, *tools]).encode()).hexdigest()[:16]


def questions_hash() -> str:
    """Return a hash of the book and of the codes of the tasks, which follow from their prompts."""
    return sha256(" ".join([book_hash(), *make_tasks()]).encode()).hexdigest()[:16]


def new_header(model: str) -> dict[str, str]:
    """Return the first line of a transcript that begins now."""
    today = datetime.now(tz=UTC).date().isoformat()
    return {"date": today, "model": model, "tools": tools_hash(), "questions": questions_hash()}


def call_line(task: str, call: Call) -> dict[str, Any]:
    """Return the line of a call."""
    return {
        "task": task,
        "tool": call.tool,
        "arguments": call.arguments,
        "is_error": call.is_error,
        "text": call.text,
    }


def answer_line(task: str, answer: Sequence[object]) -> dict[str, Any]:
    """Return the line of an answer."""
    return {"task": task, "claims": answer}


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line to a transcript."""
    with path.open("a", encoding="utf8", newline="\n") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def read_transcript(path: Path, tasks: Mapping[str, Task]) -> Transcript:
    """Read a transcript; lines about tasks that no longer exist are left out.

    Raises:
        InvalidTranscript: A line is none of the forms.
    """
    try:
        header, *lines = map(json.loads, path.read_text(encoding="utf8").splitlines())
        known = [line for line in lines if line["task"] in tasks]
        codes = dict.fromkeys(line["task"] for line in known)
        attempts = {code: _attempt(tasks[code], known) for code in codes}
        return Transcript(path.stem, header["date"], header["model"], header["tools"], header["questions"], attempts)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidTranscript(f"{path.name}: {error!r}") from error


def _attempt(task: Task, lines: Sequence[Mapping[str, Any]]) -> Attempt:
    mine = [line for line in lines if line["task"] == task.code]
    return Attempt(task, calls=tuple(_calls(mine)), claims=_claims(mine))


def _calls(lines: Sequence[Mapping[str, Any]]) -> Iterator[Call]:
    for line in lines:
        if "tool" in line:
            yield Call(line["tool"], line["arguments"], line["text"], is_error=line["is_error"])


def _claims(lines: Sequence[Mapping[str, Any]]) -> tuple[Claim, ...]:
    answers = [line["claims"] for line in lines if "claims" in line]
    return tuple(read_claims(answers[-1])) if answers else ()
