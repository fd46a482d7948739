"""The SDK's access token with the caller in it, and without the bearer."""

from __future__ import annotations

from mcp.server.auth.provider import AccessToken
from pydantic import InstanceOf  # noqa: TC002 - pydantic reads the annotation at run time

from telecmi_mcp._team.auth.callers import Caller  # noqa: TC001 - the same


class CallerToken(AccessToken):
    """Verified token of a caller.

    Attributes:
        caller: The caller.
    """

    caller: InstanceOf[Caller]


def token_of(caller: Caller, *, resource: str | None, expires_at: int | None = None, issuer: str = "") -> CallerToken:
    """Return the token of a caller; the bearer itself is left out, because nothing after the verification needs it.

    Args:
        caller: The caller.
        resource: Address of this server.
        expires_at: Unix time after which the SDK refuses the token.
        issuer: Issuer of an OAuth token; "" for a key.
    """
    return CallerToken(
        token="",
        client_id=caller.name,
        scopes=list(caller.scopes),
        expires_at=expires_at,
        resource=resource,
        subject=caller.name,
        claims={"iss": issuer} if issuer else None,
        caller=caller,
    )
