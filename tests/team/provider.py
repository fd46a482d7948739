"""A pretend identity provider: its keys, its metadata, and tokens good and bad."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from telecmi_mcp._team.auth.oauth import OAuthVerifier
from telecmi_mcp._team.config.settings import TeamSettings

ISSUER = "https://idp.example/tenant"
JWKS = "https://idp.example/keys"
PUBLIC_URL = "https://contacts.example/mcp"
SCOPE = "contacts:read"
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


def settings(**changes: Any) -> TeamSettings:
    """The settings of a server that takes this provider's tokens."""
    return TeamSettings(**{"callers": "oauth", "issuer": ISSUER, "public_url": PUBLIC_URL, **changes})


@cache
def private_key(algorithm: str, name: str) -> Any:
    """A key of its own for each name; making one of RSA takes a tenth of a second."""
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm])
    return rsa.generate_private_key(65537, 1024 if name == "short" else 2048)


def public_jwk(algorithm: str = "ES256", name: str = "one", **members: Any) -> dict[str, Any]:
    """The public half, as a provider publishes it."""
    kind = {"ES": ECAlgorithm, "Ed": OKPAlgorithm}.get(algorithm[:2], RSAAlgorithm)
    key = private_key(algorithm, name).public_key()
    return {**json.loads(kind.to_jwk(key)), "kid": name, "use": "sig", **members}  # type: ignore[attr-defined]  # each has it


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token; a change to ``None`` takes a claim out."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": PUBLIC_URL,
        "sub": "priya",
        "client_id": "agent",
        "scope": f"openid {SCOPE}",
        "iat": now,
        "exp": now + 300,
        "jti": "1",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(
    *,
    algorithm: str = "ES256",
    name: str = "one",
    header: dict[str, Any] | None = None,
    key: Any = None,
    **changes: Any,
) -> str:
    """A token of the provider, good but for what is changed."""
    head = {"typ": "at+jwt", "kid": name, **(header or {})}
    if head["kid"] is None:
        del head["kid"]
    return jwt.encode(claims(**changes), key or private_key(algorithm, name), algorithm, headers=head)


class Provider:
    """The provider at the other end of the network."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = [public_jwk()]
        self.pages: dict[str, Any] = {
            "/.well-known/oauth-authorization-server/tenant": {"issuer": ISSUER, "jwks_uri": JWKS},
        }
        self.headers: dict[str, str] = {}
        self.is_away = False
        self.asked: list[str] = []
        self.now = 1000.0

    @property
    def transport(self) -> httpx2.MockTransport:
        """The network between it and the server."""
        return httpx2.MockTransport(self._answer)

    def verifier(self, **changes: Any) -> OAuthVerifier:
        """A verifier that asks it."""
        return OAuthVerifier(settings(**changes), transport=self.transport, clock=lambda: self.now)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.path)
        assert "authorization" not in request.headers
        if self.is_away:
            raise httpx2.ConnectError("away")
        if request.url.path == "/keys":
            return httpx2.Response(200, json={"keys": self.keys}, headers=self.headers)
        page = self.pages.get(request.url.path)
        if isinstance(page, httpx2.Response):
            return page
        return httpx2.Response(404) if page is None else httpx2.Response(200, json=page)
