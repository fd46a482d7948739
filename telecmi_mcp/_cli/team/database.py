"""Opens a team server's database for the commands of ``telecmi-mcp team``."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from telecmi_mcp._team.db.database import Database


@contextmanager
def opened_database(environ: Mapping[str, str]) -> Iterator[Database]:
    """Open the database of ``TELECMI_DATABASE_URL`` for one command.

    Raises:
        ConfigurationError: The variable is missing or invalid, or the driver is not installed.
        DatabaseUnavailable: The database cannot be reached.
        StatementRejected: The database rejects a statement.
    """
    from telecmi_mcp.errors import DatabaseUnavailable

    database = _configured(environ)
    # The pool's log line for each attempt adds nothing to the error.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    database.open()
    try:
        yield database
    except DatabaseUnavailable as why:
        is_missing = database.is_missing()
        raise DatabaseUnavailable(
            hint="Create it, or correct its name in TELECMI_DATABASE_URL"
            if is_missing
            else "Check TELECMI_DATABASE_URL, and that the database runs",
            fact="its server has no database of this name" if is_missing else "it cannot be reached",
            detail=why.detail,
        ) from None
    finally:
        database.close()


def require_driver() -> None:
    """Check that the driver of the database is installed.

    Raises:
        ConfigurationError: It is not.
    """
    from telecmi_mcp._config.distribution import requirement
    from telecmi_mcp.errors import ConfigurationError

    try:
        import_module("telecmi_mcp._team.db.database")  # needs an extra
    except ImportError:
        raise ConfigurationError(
            hint=f"Install the extra: pip install '{requirement('team')}'",
            fact="the database driver is missing",
        ) from None


def _configured(environ: Mapping[str, str]) -> Database:
    from pydantic import SecretStr

    from telecmi_mcp._team.config.variables import DATABASE_URL, team_values_of
    from telecmi_mcp.errors import ConfigurationError

    values = team_values_of(environ)
    url, direct_url = values["database_url"], values["database_direct_url"]
    if not url:
        raise ConfigurationError(
            hint=f"Set {DATABASE_URL.variable}", fact="this command uses the team server's database"
        )
    require_driver()
    from telecmi_mcp._team.db.database import Database  # needs an extra

    return Database(SecretStr(url), direct_url=SecretStr(direct_url) if direct_url else None, max_size=1)
