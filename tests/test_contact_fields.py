"""A contact's fields stand once, in `_models.py`; what cannot follow from that list is compared with it here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from telecmi_mcp import Contact
from telecmi_mcp._models import FIELD_LIMITS
from telecmi_mcp._team.db.migrate import Step, steps
from telecmi_mcp.sandbox import people

if TYPE_CHECKING:
    from collections.abc import Iterable

_TABLE = re.compile(r"CREATE TABLE telecmi_mcp\.contact \((.*?)\n\);", re.DOTALL)
_ADDED = re.compile(r"ALTER TABLE telecmi_mcp\.contact ADD COLUMN (?:IF NOT EXISTS )?(\w+) text\b")
_COLUMN = re.compile(r"(\w+) text\b")


def columns_of(some: Iterable[Step]) -> set[str]:
    """Return the text columns that the numbered migrations create in the table of contacts."""
    sql = "\n".join(step.sql for step in some)
    created = {column for table in _TABLE.findall(sql) for column in _COLUMN.findall(table)}
    return created | set(_ADDED.findall(sql))


def test_each_field_has_a_maximum_length() -> None:
    assert list(FIELD_LIMITS) == list(Contact._fields)
    assert all(isinstance(limit, int) and limit > 0 for limit in FIELD_LIMITS.values())


def test_the_migrations_create_a_column_for_each_field() -> None:
    missing = [name for name in Contact._fields if name not in columns_of(steps())]
    assert missing == [], "add a migration: CONTRIBUTING.md, One more field of a contact"


@pytest.mark.parametrize(
    ("sql", "is_there"),
    [
        ("", False),
        ("-- proof_field text", False),
        ("ALTER TABLE telecmi_mcp.mirror ADD COLUMN proof_field text;", False),
        ("ALTER TABLE telecmi_mcp.contact ADD COLUMN proof_field text;", True),
    ],
)
def test_a_column_is_read_from_the_migration_that_adds_it(sql: str, *, is_there: bool) -> None:
    assert ("proof_field" in columns_of([*steps(), Step(9999, "proof_field", sql)])) is is_there


def test_the_sandbox_which_imports_nothing_of_ours_has_the_same_fields() -> None:
    assert list(people.Contact.__annotations__) == list(Contact._fields)
