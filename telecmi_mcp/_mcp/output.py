"""The shape of an answer: its text as JSON or as a table, and whether it has a structured half."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

_LAST = "notice"  # in the line of facts: it alone may hold spaces


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """How answers are written.

    Attributes:
        text: The text half: ``json``, compact, or ``table``, a line of facts and tab-separated columns.
        structured: Whether there is a structured half, and an output schema for it.
    """

    text: str = "json"
    structured: bool = True


class PreSerialized(dict[str, Any]):
    """A JSON object that brings its own JSON along, so that it is written only once; not to be changed."""

    __slots__ = ("json",)

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__(facts)
        self.json = to_json(facts)


def as_table(facts: dict[str, Any], *, rows: str, columns: Iterable[str]) -> str:
    """Return the facts as lines: what is said of all rows, then a head and the rows, their cells separated by tabs.

    The first line is ``name=value`` with spaces between, the notice last, and is left out where nothing is said. An
    empty cell is an unknown field; a column without any value is left out, and the table too where there are no rows.

    Args:
        facts: What a tool answers; its texts are cleaned, and so without tabs and line breaks.
        rows: The name of the fact that holds the rows; "" if the facts themselves are the only row.
        columns: The names that a row may have, in their order.
    """
    entries: list[dict[str, str]] = facts[rows] if rows else [{n: facts[n] for n in facts if n != _LAST}]
    said = {name: facts[name] for name in facts if (name != rows if rows else name == _LAST)}
    notice = said.pop(_LAST, None)
    words = [f"{name}={_word(value)}" for name, value in said.items()] + ([f"{_LAST}={notice}"] if notice else [])
    lines = [" ".join(words)] if words else []
    if entries:
        names = [name for name in columns if any(name in entry for entry in entries)]
        lines += ["\t".join(names), *("\t".join(map(entry.get, names, repeat(""))) for entry in entries)]
    return "\n".join(lines)


def _word(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
