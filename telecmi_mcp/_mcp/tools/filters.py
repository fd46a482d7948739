"""The filter arguments that several tools share."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol, TypeAlias

from pydantic import BeforeValidator, Field

from telecmi_mcp._index.request import FilterFields
from telecmi_mcp._mcp.tools.coercion import decode_array
from telecmi_mcp._models import Contact
from telecmi_mcp.errors import InvalidArguments

_MAX_TEXT = 200
_FIELD_NAMES = tuple(name for name in Contact._fields if name != "contact_id")

FieldName: TypeAlias = Literal[_FIELD_NAMES]  # type: ignore[valid-type] # the fields stand once

EXPECTED_FILTERS = {
    "company": f"text of up to {_MAX_TEXT} characters",
    "job_title": f"text of up to {_MAX_TEXT} characters",
    "missing": f"an array of {', '.join(_FIELD_NAMES)}",
}
"""For each filter the values that it accepts, in words for error messages."""


def _as_tuple(value: Any) -> Any:
    """Take one field name as plain text for an array of one, as some models send it."""
    value = decode_array(value)
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Company: TypeAlias = Annotated[str, Field(max_length=_MAX_TEXT, description="Contacts at this company; no typos.")]
JobTitle: TypeAlias = Annotated[str, Field(max_length=_MAX_TEXT, description="Whole words that the title contains.")]
Missing: TypeAlias = Annotated[
    tuple[FieldName, ...],
    BeforeValidator(_as_tuple),
    Field(description="Contacts that lack every one of these fields."),
]


class Filtered(Protocol):
    """Arguments with the filters."""

    company: str
    job_title: str
    missing: tuple[FieldName, ...]


def filters_of(arguments: Filtered) -> FilterFields:
    """Return the filters as the index takes them.

    Raises:
        InvalidArguments: A filter consists of blanks, which would stand for everybody.
    """
    for name in ("company", "job_title"):
        text = getattr(arguments, name)
        if text and not text.strip():
            raise InvalidArguments(hint=f"Invalid {name}", fact="use text, or omit it")
    return FilterFields(
        company=arguments.company.strip(),
        job_title=arguments.job_title.strip(),
        missing=tuple(dict.fromkeys(arguments.missing)),
    )
