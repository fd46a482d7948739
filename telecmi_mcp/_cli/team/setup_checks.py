"""Checks the answers of ``team setup`` with the checks of ``team check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._cli.findings import finding_line
from telecmi_mcp._team.config import variables as team
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from telecmi_mcp._doctor import CheckResult
    from telecmi_mcp._team.checks.database_state import DatabaseState
    from telecmi_mcp._team.setup.database_address import DatabaseAddress


def check_database(text: str) -> None:
    """Connect to the database of an address.

    Raises:
        ConfigurationError: It cannot be used.
    """
    judge(read_state(parse(text).alone))


def parse(text: str) -> DatabaseAddress:
    """Separate the password from an address.

    Raises:
        ConfigurationError: The text is no address.
    """
    from telecmi_mcp._team.setup.database_address import parse_database_address

    team.team_values_of({team.DATABASE_URL.variable: text})
    return parse_database_address(text)


def read_state(url: SecretStr) -> DatabaseState:
    """Connect to a database and return its state."""
    from telecmi_mcp._team.checks.database_state import read_database_state

    return read_database_state(url)


def judge(state: DatabaseState) -> None:
    """Print that a database can be used.

    Raises:
        ConfigurationError: It cannot.
    """
    from telecmi_mcp._doctor import CheckResult, Verdict
    from telecmi_mcp._team.checks import database

    _accept(database.check_database(state))
    coming = "the server applies it when it starts" if state.missing_steps else "of this version"
    _accept(CheckResult("Schema", Verdict.GOOD, coming))


def check_issuer(given: Mapping[str, str]) -> None:
    """Read the keys of the given issuer.

    Raises:
        ConfigurationError: They cannot be read.
    """
    import anyio

    from telecmi_mcp._team.checks import issuer
    from telecmi_mcp._team.config.settings import TeamSettings

    values = team.team_values_of(given)
    settings = TeamSettings(callers="oauth", issuer=values["issuer"], jwks_url=values["jwks_url"])
    for finding in anyio.run(issuer.check_issuer, settings):
        _accept(finding)


def _accept(finding: CheckResult) -> None:
    """Print a good result.

    Raises:
        ConfigurationError: The result is bad.
    """
    if finding.verdict == "bad":
        raise ConfigurationError(hint=finding.advice.rstrip("."), fact=finding.says)
    print(finding_line(finding))
