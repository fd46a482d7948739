"""toolproof, told one rule of ours: null for an argument that may be left out is as good as leaving it out.

Its own generator takes every such null for invalid, and its first find ends the search for others.
"""  # noqa: INP001 - a program, not part of a package

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from toolproof import cli, fuzz

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Arguments = dict[str, Any]

_broken_inputs = fuzz.invalid_inputs


def invalid_inputs(schema: dict[str, Any]) -> SearchStrategy[Arguments] | None:
    """Arguments that break the schema, and would do so without their nulls."""
    validator = Draft202012Validator(schema)

    def is_invalid(arguments: Arguments) -> bool:
        return not validator.is_valid({name: value for name, value in arguments.items() if value is not None})

    inputs = _broken_inputs(schema)
    return None if inputs is None else inputs.filter(is_invalid)


if __name__ == "__main__":
    fuzz.invalid_inputs = invalid_inputs
    sys.exit(cli.app())
