"""Chooses the verifier that the settings name, and answers callers that cannot be verified at the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, BearerAuthBackend
from starlette.authentication import AuthCredentials, AuthenticationError
from starlette.responses import PlainTextResponse

from telecmi_mcp._team.auth.access_key_verifier import KeyVerifier
from telecmi_mcp._team.auth.oauth import OAuthVerifier
from telecmi_mcp.errors import ConfigurationError, DatabaseUnavailable, IssuerUnavailable

if TYPE_CHECKING:
    from mcp.server.auth.provider import TokenVerifier
    from starlette.requests import HTTPConnection
    from starlette.responses import Response

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


class BearerBackend(BearerAuthBackend):
    """The SDK's backend, which also tells an invalid token from one that cannot be verified at the moment."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, AuthenticatedUser] | None:
        """Return the caller; ``None`` if the token is not valid.

        Raises:
            AuthenticationError: The database or the identity provider is unreachable, and the cache has no answer.
        """
        try:
            found: tuple[AuthCredentials, AuthenticatedUser] | None = await super().authenticate(conn)
        except (DatabaseUnavailable, IssuerUnavailable):
            raise AuthenticationError from None
        return found


def answer_unknowable(_: HTTPConnection, __: AuthenticationError) -> Response:
    """Answer 503: after a 401 clients would discard a valid token and ask the user to sign in again."""
    sentence = "Try again in some seconds: this server cannot verify your token at the moment."
    return PlainTextResponse(sentence, 503, {"Retry-After": "5"})
