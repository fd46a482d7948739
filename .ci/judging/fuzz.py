"""toolproof, told what this server takes besides the schema: docs/compatibility.md, "Arguments".

Its own generator takes each of these inputs for invalid, and its first find ends the search for others.
"""  # noqa: INP001 - a program, not part of a package

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from toolproof import cli, fuzz

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Arguments = dict[str, Any]

_broken_inputs = fuzz.invalid_inputs


def as_read(schema: dict[str, Any], arguments: Arguments) -> Arguments:
    """Return what the server makes of arguments before it compares them with the schema."""
    types = {name: parameter.get("type") for name, parameter in schema["properties"].items()}
    given = {name: value for name, value in arguments.items() if value is not None and not name.startswith("_")}
    return {name: read(value, types.get(name)) for name, value in given.items()}


def read(value: object, kind: str | None) -> object:
    """Return the integer or the array that a text holds; any other value as it is."""
    if not isinstance(value, str):
        return value
    if kind == "integer" and re.fullmatch(r"-?(?:0|[1-9][0-9]*)", value):
        return int(value[:400])
    if kind == "array" and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def invalid_inputs(schema: dict[str, Any]) -> SearchStrategy[Arguments] | None:
    """Arguments that break the schema, and would do so as the server reads them."""
    validator = Draft202012Validator(schema)
    inputs = _broken_inputs(schema)
    return None if inputs is None else inputs.filter(lambda given: not validator.is_valid(as_read(schema, given)))


if __name__ == "__main__":
    fuzz.invalid_inputs = invalid_inputs
    sys.exit(cli.app())
