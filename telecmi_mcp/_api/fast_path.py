"""Contacts in which nothing has to be cleaned: proved so by one look at the bytes and one at the objects.

Most answers are such: printable ASCII, and each field null or a text that is not too long. What is not proved so is
read the careful way (``_wire.py``), which gives the same; tests compare both on invented answers of every kind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaValidator
from pydantic_core.core_schema import (
    list_schema,
    nullable_schema,
    str_schema,
    typed_dict_field,
    typed_dict_schema,
    with_default_schema,
)

from telecmi_mcp._models import FIELD_LIMITS, JsonContacts

if TYPE_CHECKING:
    from pydantic_core.core_schema import ListSchema

_CAPITAL_IN_BRACKETS = re.compile(rb"\[/?[A-Z]")  # never JSON's own: may be a sign of a chat template

_OTHERS = tuple(name for name in FIELD_LIMITS if name != "contact_id")  # what a contact may be without


def is_plain(body: bytes, secret: str) -> bool:
    """Whether no text in the body, if that is JSON, has to be cleaned, begins with a space or holds the secret.

    In JSON a control character or a quotation mark stands in a text only after a backslash. Without one, a text is in
    the body as it is, so what is nowhere in the body is in no text; and one that begins with a space would show as a
    quotation mark and a space.
    """
    return (
        body.isascii()
        and b"\\" not in body
        and b"\x7f" not in body
        and b'" ' not in body
        and b"<" not in body
        and b"|" not in body
        and not _holds_capitals_in_brackets(body)
        and not (secret and secret.encode() in body)
    )


def _holds_capitals_in_brackets(body: bytes) -> bool:
    """Whether there may be a sign of a chat template, as ``[INST]`` is; most bodies have one ``[``, the list's own."""
    first = body.find(b"[")
    if _CAPITAL_IN_BRACKETS.match(body, max(first, 0)):
        return True
    return b"[" in body[first + 1 :] and bool(_CAPITAL_IN_BRACKETS.search(body, first + 1))


def read_plain(entries: list[Any]) -> JsonContacts | None:
    """Return the contacts that a plain body holds, if each entry is one and none of its fields has to be changed.

    Args:
        entries: What JSON held; left as it is.
    """
    try:
        facts: list[dict[str, Any]] = _ENTRIES.validate_python(entries)
    except ValueError:  # which of them and why: the careful way finds out
        return None
    for name in _OTHERS:
        for contact in [each for each in facts if not each[name]]:  # null or ""
            del contact[name]
    return JsonContacts(facts)


def _schema() -> ListSchema:
    named = typed_dict_field(str_schema(strict=True, min_length=1, max_length=FIELD_LIMITS["contact_id"]))
    texts = {name: nullable_schema(str_schema(strict=True, max_length=FIELD_LIMITS[name])) for name in _OTHERS}
    others = {name: typed_dict_field(with_default_schema(text, default=None)) for name, text in texts.items()}
    return list_schema(typed_dict_schema({"contact_id": named, **others}, strict=True), strict=True, fail_fast=True)


_ENTRIES = SchemaValidator(_schema())
