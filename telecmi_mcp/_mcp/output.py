"""Output format of an answer: its text as JSON or as a table, with or without a structured half."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NOTICE = "notice"  # last in its line, because it may hold spaces


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """Output format of the answers of tools.

    Attributes:
        text: Format of the text half: ``json``, compact, or ``table``, tab-separated columns.
        structured: Whether there is a structured half, and an output schema for it.
    """

    text: str = "json"
    structured: bool = True


class PreSerialized(dict[str, Any]):
    """A JSON object with its serialised text, so that it is serialised only once; do not change it."""

    __slots__ = ("json",)

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__(data)
        self.json = to_json(data)


def serialise(message: Mapping[str, Any]) -> bytes:
    """Return a JSON-RPC message in JSON; structured content that is serialised already is copied."""
    result = message.get("result")
    structured = result.get("structuredContent") if isinstance(result, dict) else None
    try:
        if isinstance(result, dict) and isinstance(structured, PreSerialized):
            return _with_serialised(message, result, structured)
        return to_json(message)
    except PydanticSerializationError:  # a lone surrogate, which JSON can hold only escaped
        return json.dumps(message).encode()


def _with_serialised(message: Mapping[str, Any], result: dict[str, Any], structured: PreSerialized) -> bytes:
    """Return a message whose last member is its result."""
    rest = {name: value for name, value in result.items() if name != "structuredContent"}
    head = to_json({**message, "result": rest}).removesuffix(b"}}")
    return b"".join((head, b"," if rest else b"", b'"structuredContent":', structured.json, b"}}"))


def as_table(data: dict[str, Any], *, rows: str, columns: Iterable[str]) -> str:
    """Return the data as lines: the fields beside the rows, the names of the columns, and the tab-separated rows.

    The first line is ``name=value`` with spaces between, the notice last; it is left out if there is nothing beside
    the rows. An empty cell is an unknown field. A column without any value is left out, and so is an empty table.

    Args:
        data: Answer of a tool; its texts are cleaned, and so hold no tabs or line breaks.
        rows: Name of the field that holds the rows; "" if the data is the only row.
        columns: Names that a row may have, in order.
    """
    only_row = [{name: value for name, value in data.items() if name != _NOTICE}]
    entries: list[dict[str, Any]] = data.get(rows, []) if rows else only_row
    beside = {name: value for name, value in data.items() if (name != rows if rows else name == _NOTICE)}
    notice = beside.pop(_NOTICE, None)
    words = [f"{name}={_word(value)}" for name, value in beside.items()] + ([f"{_NOTICE}={notice}"] if notice else [])
    lines = [" ".join(words)] if words else []
    if entries:
        names = [name for name in columns if any(name in entry for entry in entries)]
        lines += ["\t".join(names), *("\t".join([_word(entry.get(name, "")) for name in names]) for entry in entries)]
    return "\n".join(lines)


def _word(value: object) -> str:
    return value if isinstance(value, str) else to_json(value).decode()
