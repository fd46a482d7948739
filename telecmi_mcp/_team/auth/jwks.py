"""Reads the public keys of an identity provider, and finds the key of a token.

PyJWT's own client is not used: it blocks, limits neither the size of an answer nor its total time, reads no metadata,
drops its keys when the provider is unreachable, and takes no key without an id.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import httpx2
import jwt
from anyio.to_thread import run_sync
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from telecmi_mcp._api.transport import load_certificates
from telecmi_mcp._config.variables import is_loopback
from telecmi_mcp._team.auth.refreshing_cache import CachePolicy, RefreshingCache
from telecmi_mcp.errors import IssuerUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BODY_BYTES: Final = 256 * 1024
"""Bytes of an answer of an identity provider."""

MISS_PAUSE_S: Final = 10.0
"""Time until the provider is asked again for an unknown key, so that invented key ids do not reach it."""

READ_TIMEOUT_S: Final = 5.0
"""Time for up to three answers of a provider, which may be far away."""

MAX_STALE_S: Final = 86_400.0
"""Time for which known keys stay in use while the provider is unreachable."""

ALGORITHMS: Final = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Signature algorithms of tokens, and the kind of key that each needs; none is symmetric, and "none" is not in it."""

_FRESH_S = (60.0, 600.0, 3600.0)  # minimum, default without Cache-Control, maximum
_MAX_KEYS = 64
_RSA_BITS = (2048, 8192)
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})\b", re.IGNORECASE)
_PUBLIC = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}
_READ_ERRORS = (httpx2.HTTPError, httpx2.InvalidURL, ImportError, OSError, ValueError, RecursionError)


class PublicKey(NamedTuple):
    """A public key of a provider, and what it is for."""

    key_id: str | None
    kind: tuple[str, str | None]
    algorithm: str | None
    key: Any

    def fits(self, algorithm: str, key_id: str | None) -> bool:
        """Whether a token with this algorithm and key id can be signed with this key."""
        is_meant = self.algorithm in {None, algorithm} or (self.algorithm, algorithm) == ("Ed25519", "EdDSA")
        return is_meant and self.kind == ALGORITHMS[algorithm] and key_id in {None, self.key_id}


class PublicKeys:
    """Cache of the keys of one issuer, read when a token needs them."""

    def __init__(
        self,
        issuer: str,
        *,
        jwks_url: str = "",
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._transport = transport
        self._cache: RefreshingCache[list[PublicKey]] = RefreshingCache(
            self._read,
            unavailable=IssuerUnavailable,
            policy=CachePolicy(MISS_PAUSE_S, READ_TIMEOUT_S, MAX_STALE_S),
            clock=clock,
        )

    async def find(self, algorithm: str, key_id: str | None) -> PublicKey | None:
        """Return the key with this id; without an id, the only key that fits.

        Raises:
            IssuerUnavailable: The key is not cached, and the provider is unreachable.
        """

        def look(keys: list[PublicKey]) -> PublicKey | None:
            fitting = [key for key in keys if key.fits(algorithm, key_id)]
            return fitting[0] if len(fitting) == 1 or (fitting and key_id is not None) else None

        return await self._cache.find(look)

    async def count(self) -> int:
        """Read the keys now, past the cache, and return how many can be used.

        Raises:
            IssuerUnavailable: They cannot be read, or none can be used; ``detail`` says why in words of ours.
        """
        keys, _ = await self._read()
        return len(keys)

    async def _read(self) -> tuple[list[PublicKey], float]:
        document, headers = await self._get(self._jwks_url or await self._discover())
        keys = list(_read_keys(document))
        if not keys:
            raise IssuerUnavailable(detail="no usable key")
        return keys, _fresh_s(headers.get("Cache-Control", ""))

    async def _discover(self) -> str:
        """Return the address of the keys, from the first metadata of the two kinds that is this issuer's."""
        details = []
        for url in metadata_urls(self._issuer):
            try:
                metadata, _ = await self._get(url)
            except IssuerUnavailable as why:
                details.append(why.detail)
                continue
            address = metadata.get("jwks_uri")
            # RFC 8414, section 3.3: metadata of another issuer must not be used.
            if metadata.get("issuer") == self._issuer and isinstance(address, str) and _is_safe(address):
                return address
            details.append("metadata of another issuer, or without a safe jwks_uri")
        raise IssuerUnavailable(detail=", ".join(details))

    async def _get(self, url: str) -> tuple[dict[str, Any], httpx2.Headers]:
        """Read one JSON object without following redirects or decoding a content coding."""
        try:
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
            async with await self._client(url) as client, client.stream("GET", url, headers=headers) as response:
                if response.status_code != httpx2.codes.OK:
                    raise IssuerUnavailable(detail=f"status {response.status_code}")
                document = json.loads(await _body(response))
        except _READ_ERRORS as why:
            raise IssuerUnavailable(detail=type(why).__name__) from None
        if not isinstance(document, dict):
            raise IssuerUnavailable(detail="no JSON object")
        return document, response.headers

    async def _client(self, url: str) -> httpx2.AsyncClient:
        """Return a client for one answer: answers are rare, and each may come from another host."""
        if self._transport is not None:
            return httpx2.AsyncClient(transport=self._transport, trust_env=False)
        certificates = await run_sync(load_certificates, url, abandon_on_cancel=True)
        is_here = is_loopback(urlsplit(url).hostname or "")  # a proxy of the environment must not see loopback requests
        return httpx2.AsyncClient(verify=certificates, timeout=READ_TIMEOUT_S, trust_env=not is_here)


def metadata_urls(issuer: str) -> tuple[str, str]:
    """Return the addresses of an issuer's metadata (RFC 8414, section 3.1; OpenID Connect Discovery, section 4.1)."""
    url = urlsplit(issuer)
    path = url.path.rstrip("/")
    return (
        urlunsplit(url._replace(path=f"/.well-known/oauth-authorization-server{path}")),
        urlunsplit(url._replace(path=f"{path}/.well-known/openid-configuration")),
    )


async def _body(response: httpx2.Response) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise IssuerUnavailable(
            detail="a content coding that was not requested"
        )  # decoded at once, it could have any size
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > MAX_BODY_BYTES:
            raise IssuerUnavailable(detail="too large an answer")
    return bytes(content)


def _is_safe(address: str) -> bool:
    try:
        url = urlsplit(address)
    except ValueError:
        return False
    return url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname or ""))


def _fresh_s(cache_control: str) -> float:
    least, usual, most = _FRESH_S
    said = _MAX_AGE.search(cache_control)
    return min(max(float(said[1]), least), most) if said else usual


def _read_keys(document: dict[str, Any]) -> Iterator[PublicKey]:
    """Yield the usable keys of a key set; it may hold others, which are ignored (RFC 7517, section 5)."""
    listed = document.get("keys")
    for entry in listed[:_MAX_KEYS] if isinstance(listed, list) else ():
        if isinstance(entry, dict) and (key := _read_key(entry)):
            yield key


def _read_key(entry: dict[str, Any]) -> PublicKey | None:
    said = entry.get("kty"), entry.get("crv") if entry.get("kty") != "RSA" else None
    algorithm, kind = next((each for each in ALGORITHMS.items() if each[1] == said), ("", ("", None)))
    operations = entry.get("key_ops")
    if (
        not algorithm
        or entry.get("use", "sig") != "sig"
        or (isinstance(operations, list) and "verify" not in operations)
    ):
        return None
    members = {name: entry[name] for name in _PUBLIC[kind[0]] if name in entry}  # never the private half
    try:
        key = jwt.get_algorithm_by_name(algorithm).from_jwk(members)
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    if isinstance(key, RSAPublicKey) and not _RSA_BITS[0] <= key.key_size <= _RSA_BITS[1]:
        return None
    named, meant = entry.get("kid"), entry.get("alg")
    return PublicKey(named if isinstance(named, str) else None, kind, meant if isinstance(meant, str) else None, key)
