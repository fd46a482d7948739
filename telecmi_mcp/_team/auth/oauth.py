"""Verifies OAuth 2.1 access tokens: JSON Web Tokens of one issuer for this server.

The rules are those of RFC 9068 for a resource server and of RFC 8725. Some providers do not set the ``typ`` of RFC
9068; their ID tokens are recognised by their claims.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final, cast

import jwt
from pydantic import AnyHttpUrl

from telecmi_mcp._team.auth.caller_token import token_of
from telecmi_mcp._team.auth.callers import Caller, name_of_subject
from telecmi_mcp._team.auth.jwks import ALGORITHMS, PublicKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2

    from telecmi_mcp._team.auth.caller_token import CallerToken
    from telecmi_mcp._team.config.settings import TeamSettings

_log = logging.getLogger(__name__)

LEEWAY: Final = 60
"""Seconds by which the clocks of the provider and this machine may differ."""

MAX_TOKEN: Final = 16 * 1024
"""Characters of a token; large ones of real providers, with many groups, have some eight thousand."""

_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_ACCESS_TOKEN_TYPES = _TYPES - {"jwt"}
_OF_ID_TOKENS = frozenset({"at_hash", "c_hash", "s_hash"})  # OpenID Connect Core, section 3.3.2.11
_OTHER_KINDS = frozenset({"ID", "Refresh", "Offline", "Logout"})  # what Keycloak writes into a claim "typ"
_UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)  # older versions of PyJWT pass these on
_TIMES = ("exp", "nbf", "iat")
_LAST_TIME = 253_402_300_799  # the end of the year 9999, which is what Python calls a time
_REQUIRED = ["exp", "iss", "aud", "sub"]


class _Refused(Exception):
    """A token is not valid; the message is for the log and holds nothing of the token."""


class OAuthVerifier:
    """Verifies the access tokens of one issuer: the SDK's ``TokenVerifier``. No request is sent before the first token.

    Args:
        settings: The issuer, the audience, and the address of the keys.
        transport: Replaces the network between this server and the issuer.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self,
        settings: TeamSettings,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = settings.issuer
        self._audiences = audiences_of(settings)
        self._resource = settings.public_url or None
        self._keys = PublicKeys(settings.issuer, jwks_url=settings.jwks_url, transport=transport, clock=clock)

    async def verify_token(self, token: str) -> CallerToken | None:
        """Return the caller and the scopes of a token; ``None`` if it is not valid.

        Raises:
            IssuerUnavailable: The token cannot be verified, because the keys cannot be read.
        """
        try:
            return self._accepted(*await self._read(token))
        except (jwt.PyJWTError, _Refused, *_UNREADABLE) as why:
            _log.info("an OAuth token was refused: %s", _reason(why))
            return None

    async def _read(self, token: str) -> tuple[str, dict[str, Any]]:
        """Return the type and the claims of a token whose signature, issuer, audience and times are right."""
        kind, algorithm, key_id = _header_of(token)
        key = await self._keys.find(algorithm, key_id)
        if key is None:
            raise _Refused("no such key")
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            # Of the header, but one of ours, and no key is of two kinds: see PublicKey.fits.
            algorithms=[algorithm],
            audience=self._audiences,
            issuer=self._issuer,
            leeway=LEEWAY,
            options={"require": _REQUIRED},
        )
        return kind, claims

    def _accepted(self, kind: str, claims: dict[str, Any]) -> CallerToken:
        scopes = _scopes_of(claims)
        if kind not in _ACCESS_TOKEN_TYPES and _is_of_another_kind(claims, scopes):
            raise _Refused("another kind of token")
        if not all(_is_time(claims[name]) for name in _TIMES if name in claims):
            raise _Refused("a time beyond all times")
        if claims.get("cnf"):  # this server cannot check the proof of possession, so a stolen one would pass
            raise _Refused("bound to a key")
        if not claims["sub"]:
            raise _Refused("no subject")
        return token_of(
            Caller(name_of_subject(claims["sub"]), frozenset(scopes)),
            resource=self._resource,
            # The SDK asks the clock once more, and knows of no leeway.
            expires_at=int(claims["exp"]) + LEEWAY,
            issuer=self._issuer,
        )


def audiences_of(settings: TeamSettings) -> list[str]:
    """Return the audiences of valid tokens: exactly the one that is set, or else the public address.

    The address with and without a slash at its end is the same server (RFC 8707 names a resource by its address).
    Clients differ in which of the two they request a token for. They take it from this server's metadata, where the
    address has the form of the URL standard: the host in lower case, and no default port.
    """
    if settings.audience:
        return [settings.audience]
    forms = dict.fromkeys((settings.public_url, str(AnyHttpUrl(settings.public_url))))
    return [f"{address.rstrip('/')}{slash}" for address in forms for slash in ("", "/")]


def _reason(why: Exception) -> str:
    """Return why a token was refused, for the log: words of this module and names of error classes."""
    if isinstance(why, jwt.MissingRequiredClaimError):
        return f"no {why.claim}"
    return str(why) if isinstance(why, _Refused) else type(why).__name__


def _header_of(token: str) -> tuple[str, str, str | None]:
    """Return the type, the algorithm and the key's id that a token claims; nothing else of the header is used."""
    if len(token) > MAX_TOKEN:
        raise _Refused("too long")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise _Refused("no JSON Web Token") from None
    kind, algorithm, key_id = header.get("typ", "JWT"), header.get("alg"), header.get("kid")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise _Refused("another type of token")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _Refused("another algorithm")
    if header.keys() & {"crit", "b64"}:  # RFC 7515, section 4.1.11: what must be understood, and is not
        raise _Refused("an extension")
    return kind.lower(), algorithm, key_id


def _scopes_of(claims: dict[str, Any]) -> list[str]:
    """Return the scopes: ``scope`` of RFC 9068, or ``scp`` of other providers; words in a string, or a list."""
    said = claims.get("scope", claims.get("scp"))
    if isinstance(said, str):
        return said.split()
    return [scope for scope in said if isinstance(scope, str)] if isinstance(said, list) else []


def _is_of_another_kind(claims: dict[str, Any], scopes: list[str]) -> bool:
    is_for_sign_in = "nonce" in claims and not scopes
    return bool(claims.keys() & _OF_ID_TOKENS) or str(claims.get("typ")) in _OTHER_KINDS or is_for_sign_in


def _is_time(value: object) -> bool:
    """Whether a claim is a NumericDate (RFC 7519, section 2) that a clock can show; no text, no truth value, no NaN."""
    return type(value) in {int, float} and 0 <= cast("float", value) <= _LAST_TIME
