"""Chooses the verifier of bearer tokens that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._team.auth.access_key_verifier import KeyVerifier
from telecmi_mcp._team.auth.oauth import OAuthVerifier
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from mcp.server.auth.provider import TokenVerifier

    from telecmi_mcp._team.auth.key_events import KeyEvents
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.db.database import Database


def choose_verifier(
    settings: TeamSettings, database: Database | None, events: KeyEvents | None = None
) -> TokenVerifier | None:
    """Return what verifies callers' bearer tokens; ``None`` where anyone on this machine may call.

    Args:
        settings: The configuration.
        database: Where access keys are; it need not be open yet.
        events: Is told of keys that have ended or end soon.

    Raises:
        ConfigurationError: Access keys are wanted, and there is no database for them.
    """
    if settings.callers == "anyone":
        return None
    if settings.callers == "oauth":
        return OAuthVerifier(settings)
    if database is None:
        raise ConfigurationError(hint="Set TELECMI_DATABASE_URL", fact="access keys are kept in a database")
    return KeyVerifier(database, settings, events)
