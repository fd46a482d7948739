"""Migrates the database schema by numbered steps that replicas of the previous version tolerate.

A step only adds. It never renames, narrows or removes what the previous version uses. So replicas of two versions can
run on one database, and an older version runs on a newer schema.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from telecmi_mcp._team.db.database import Connection

_LOCK = 7_274_352_100_000_001  # any number that no other program in this database uses for an advisory lock


class Step(NamedTuple):
    """One migration of the schema."""

    number: int
    name: str
    sql: str


def steps() -> list[Step]:
    """Return all migrations in order, from the files in ``migrations``."""
    found = (file for file in files(__package__).joinpath("migrations").iterdir() if file.name.endswith(".sql"))
    return sorted(Step(int(file.name[:4]), file.name[5:-4], file.read_text(encoding="utf8")) for file in found)


def missing_steps(connection: Connection) -> list[Step]:
    """Return the migrations that the database lacks, without changing anything."""
    (exists,) = connection.execute("SELECT to_regclass('telecmi_mcp.migration') IS NOT NULL").fetchone() or (False,)
    return _missing(connection) if exists else steps()


def migrate(connection: Connection) -> int:
    """Apply the missing migrations in the connection's transaction, and return how many there were.

    An advisory lock lets one replica migrate at a time. The others wait and then find nothing to do.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    connection.execute("CREATE SCHEMA IF NOT EXISTS telecmi_mcp")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS telecmi_mcp.migration "
        "(number int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    missing = _missing(connection)
    for step in missing:
        connection.execute(step.sql)
        connection.execute("INSERT INTO telecmi_mcp.migration (number, name) VALUES (%s, %s)", (step.number, step.name))
    return len(missing)


def _missing(connection: Connection) -> list[Step]:
    applied = {number for (number,) in connection.execute("SELECT number FROM telecmi_mcp.migration")}
    return [step for step in steps() if step.number not in applied]
