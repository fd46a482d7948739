"""Accepts integers and arrays that a host encodes in another way than the schema says."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BeforeValidator
from pydantic_core import from_json

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,308})")  # as JSON writes it, and no longer than the largest float


def decode_array(value: Any) -> Any:
    """Return the array that a JSON text holds; any other value as it is."""
    decoded = decode_json(value) if isinstance(value, str) and value.lstrip().startswith("[") else None
    return decoded if isinstance(decoded, list) else value


def decode_json(text: str) -> Any:
    """Return the value of a JSON text; ``None`` for ``null`` and for a text that is not JSON."""
    try:
        return from_json(text.encode(), allow_inf_nan=False)
    except ValueError:
        return None


def _as_integer(value: Any) -> Any:
    """Take a number without a fraction, or its digits as text, for an integer."""
    if isinstance(value, float) and value.is_integer():  # which NaN and infinity are not
        return int(value)
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value


INTEGER = BeforeValidator(_as_integer)
"""Makes an integer of ``10``, ``10.0`` and ``1e1`` by JSON Schema 2020-12, and of ``"10"``, which some hosts send.

It stands after ``Field`` in an annotation, so that the bounds reach the schema. ``ARRAY`` does too.
"""

ARRAY = BeforeValidator(decode_array)
"""Makes an array of JSON text of one, which some hosts send."""
