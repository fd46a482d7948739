"""Requires a bearer token, and tells a caller without a valid one what to send (RFC 6750, section 3)."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers

from telecmi_mcp._team.http.refusal import refusal
from telecmi_mcp.errors import DatabaseUnavailable, IssuerUnavailable

if TYPE_CHECKING:
    from mcp.server.auth.provider import TokenVerifier
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

_MISSING: Final = "Send a token in the header Authorization, as Bearer and the token."
_INVALID: Final = "Get another token: the one in the header Authorization is not valid."
_UNKNOWABLE: Final = "Try again in some seconds: this server cannot verify your token at the moment."


class BearerAuthentication:
    """Passes on requests with a valid token that has the scope; ``caller_now`` then returns the caller.

    Args:
        app: Gets the requests.
        verifier: Verifies tokens.
        scope: The scope that a token must have.
        metadata_url: Address of the resource metadata (RFC 9728), where clients find the issuer; "" for none.
    """

    def __init__(self, app: ASGIApp, verifier: TokenVerifier, *, scope: str, metadata_url: str = "") -> None:
        self._app = app
        self._verifier = verifier
        self._scope = scope
        self._metadata_url = metadata_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401, 403, or 503 if the token cannot be verified."""
        token = await self._authenticate(Headers(scope=scope).get("authorization", ""))
        if not isinstance(token, AccessToken):
            await token(scope, receive, send)
            return
        reset = auth_context_var.set(AuthenticatedUser(token))
        try:
            await self._app(scope, receive, send)
        finally:
            auth_context_var.reset(reset)

    async def _authenticate(self, header: str) -> AccessToken | Response:
        bearer = _bearer_in(header)
        if not bearer:  # no error code: RFC 6750, section 3.1
            return self._challenge(HTTPStatus.UNAUTHORIZED, _MISSING)
        try:
            token = await self._verifier.verify_token(bearer)
        except (DatabaseUnavailable, IssuerUnavailable):
            # After a 401 clients would discard a valid token and ask the user to sign in again.
            return refusal(_UNKNOWABLE, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"})
        if token is None or (token.expires_at and token.expires_at < int(time.time())):
            return self._challenge(HTTPStatus.UNAUTHORIZED, _INVALID, error="invalid_token")
        if self._scope not in token.scopes:
            sentence = f"Get a token with the scope {self._scope}: the one that you sent lacks it."
            return self._challenge(HTTPStatus.FORBIDDEN, sentence, error="insufficient_scope")
        return token

    def _challenge(self, status: int, sentence: str, *, error: str = "") -> Response:
        facts = {"error": error, "scope": self._scope, "resource_metadata": self._metadata_url}
        challenge = "Bearer " + ", ".join(f'{name}="{value}"' for name, value in facts.items() if value)
        return refusal(sentence, status, {"WWW-Authenticate": challenge})


def _bearer_in(header: str) -> str:
    """Return the token of an Authorization header; "" if there is none or the scheme is another."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
