"""Checks the identity provider: its metadata and its public keys, read as the server reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._team.auth.jwks import PublicKeys
from telecmi_mcp.errors import IssuerUnavailable

if TYPE_CHECKING:
    import httpx2

    from telecmi_mcp._team.config.settings import TeamSettings

_ABOUT = "Issuer"


async def check_issuer(
    settings: TeamSettings, *, transport: httpx2.AsyncBaseTransport | None = None
) -> tuple[CheckResult, ...]:
    """Report whether the issuer's keys can be read; nothing if callers have no OAuth tokens.

    Args:
        settings: The configuration.
        transport: Replaces the network between this process and the issuer.
    """
    if settings.callers != "oauth":
        return ()
    keys = PublicKeys(settings.issuer, jwks_url=settings.jwks_url, transport=transport)
    try:
        number = await keys.count()
    except IssuerUnavailable as why:
        where = "TELECMI_OAUTH_JWKS_URL" if settings.jwks_url else "TELECMI_OAUTH_ISSUER"
        advice = f"Compare {where} with what the provider documents, and check that this machine reaches it."
        return (CheckResult(_ABOUT, Verdict.BAD, f"its keys cannot be read ({why.detail})", advice),)
    return (CheckResult(_ABOUT, Verdict.GOOD, f"{number} usable key{'' if number == 1 else 's'}"),)
