"""What a caller without a valid token is told (RFC 6750, section 3), with access keys and with OAuth."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from httpx2 import ASGITransport, AsyncClient, Response
from mcp.server.auth.provider import AccessToken
from starlette.responses import PlainTextResponse

from team.http.asking import error_in
from telecmi_mcp._team.auth.callers import ANYONE, caller_now
from telecmi_mcp._team.http.authentication import BearerAuthentication
from telecmi_mcp.errors import DatabaseUnavailable, IssuerUnavailable

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

METADATA = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
SCOPE = "contacts:read"
UNAVAILABLE = {"database": DatabaseUnavailable(), "issuer": IssuerUnavailable()}


class Verifier:
    """Knows a few tokens."""

    async def verify_token(self, token: str) -> AccessToken | None:
        if token in UNAVAILABLE:
            raise UNAVAILABLE[token]
        expiry = int(time.time()) - 5 if token == "old" else None
        scopes = {"good": [SCOPE, "other"], "old": [SCOPE], "narrow": ["contacts:write"]}
        if token not in scopes:
            return None
        return AccessToken(token="", client_id="amal", subject="amal", scopes=scopes[token], expires_at=expiry)


async def whoami(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(caller_now().name)(scope, receive, send)


async def asked(authorization: str | None, metadata_url: str = "") -> Response:
    app = BearerAuthentication(whoami, Verifier(), scope=SCOPE, metadata_url=metadata_url)
    headers = {} if authorization is None else {"authorization": authorization}
    async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
        answer = await client.post("/mcp", headers=headers)
    assert caller_now() == ANYONE
    return answer


@pytest.mark.parametrize("metadata_url", [METADATA, ""])
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "bearer  ", "Basic YW1hbDpnb29k", "good", "Digest good", "BearerX good"],
)
async def test_without_a_bearer_the_challenge_has_the_scope_and_no_error(
    authorization: str | None, metadata_url: str
) -> None:
    answer = await asked(authorization, metadata_url)
    found = f', resource_metadata="{metadata_url}"' if metadata_url else ""
    assert answer.headers["www-authenticate"] == f'Bearer scope="{SCOPE}"{found}'
    sentence = "Send a token in the header Authorization, as Bearer and the token."
    assert error_in(answer) == (401, -32600, sentence)


@pytest.mark.parametrize("metadata_url", [METADATA, ""])
@pytest.mark.parametrize("authorization", ["Bearer unknown", "bearer old", "Bearer good good", "Bearer good, Basic x"])
async def test_a_bearer_that_is_not_valid_is_called_that(authorization: str, metadata_url: str) -> None:
    answer = await asked(authorization, metadata_url)
    found = f', resource_metadata="{metadata_url}"' if metadata_url else ""
    assert answer.headers["www-authenticate"] == f'Bearer error="invalid_token", scope="{SCOPE}"{found}'
    assert error_in(answer)[:2] == (401, -32600)


@pytest.mark.parametrize("metadata_url", [METADATA, ""])
async def test_a_bearer_without_the_scope_is_told_which(metadata_url: str) -> None:
    answer = await asked("Bearer narrow", metadata_url)
    found = f', resource_metadata="{metadata_url}"' if metadata_url else ""
    assert answer.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{SCOPE}"{found}'
    assert error_in(answer)[:2] == (403, -32600)
    assert SCOPE in answer.json()["error"]["message"]


@pytest.mark.parametrize("authorization", ["Bearer good", "BEARER   good ", "bearer good"])
async def test_a_valid_bearer_names_the_caller(authorization: str) -> None:
    answer = await asked(authorization)
    assert (answer.status_code, answer.text) == (200, "amal")


@pytest.mark.parametrize("token", UNAVAILABLE)
async def test_a_bearer_that_cannot_be_verified_now_is_asked_for_again_and_not_refused(token: str) -> None:
    answer = await asked(f"Bearer {token}", METADATA)
    assert error_in(answer)[:2] == (503, -32603)
    assert (answer.headers["retry-after"], "www-authenticate" in answer.headers) == ("5", False)
