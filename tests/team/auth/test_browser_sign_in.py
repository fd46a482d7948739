"""A person signs in as a host's user does: a real browser, a real identity provider, and the server as a process."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import anyio
import jwt
import pytest

from e2e.lines import PATIENCE, environment
from team.host import Host, needs_browser, open_host
from team.identity import DOCUMENTED_CLIENT, KNOWN_CLIENT, Identity, open_identity
from team.ports import free_port
from team.serving import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp.client import Client

pytestmark = needs_browser

DISCOVERY = [
    ("POST", "/mcp"),
    ("GET", "/.well-known/oauth-protected-resource/mcp"),
    ("GET", "/.well-known/oauth-authorization-server"),
]


@pytest.fixture(scope="module")
def identity() -> Iterator[Identity]:
    with open_identity() as identity:
        yield identity


@pytest.fixture
def server(identity: Identity) -> Iterator[Served]:
    """A server with invented contacts for callers with tokens of the identity provider."""
    address = f"127.0.0.1:{free_port()}"
    command = (sys.executable, "-m", "telecmi_mcp", "serve", "--sandbox", "--http", address)
    env = environment(
        TELECMI_CALLERS="oauth",
        TELECMI_OAUTH_ISSUER=identity.issuer,
        TELECMI_PUBLIC_URL=f"http://{address}/mcp",
        TELECMI_AUDIT="stdout",
    )
    with served(command=command, env=env) as server:
        yield server


async def read(client: Client) -> int:
    result = await client.call_tool("list_contacts", {"limit": 3})
    assert not result.is_error, result.content
    facts: Any = result.structured_content
    return len(facts["contacts"])


def claims(bearer: str) -> dict[str, Any]:
    """What a token says; the server is who verifies it."""
    found: dict[str, Any] = jwt.decode(bearer, options={"verify_signature": False})
    return found


def requests(host: Host) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in host.sent]


@pytest.mark.parametrize("registration", ["known", "dynamic", "document"])
async def test_a_person_signs_in_with_a_browser_and_stays_signed_in(
    identity: Identity, server: Served, registration: str
) -> None:
    with anyio.fail_after(PATIENCE):
        async with open_host(server.url, "priya", registration=registration) as host, host.connect() as client:
            assert await read(client) == 3
            first = host.bearer
            found = requests(host)
            assert host.auth.context.token_expiry_time
            host.auth.context.token_expiry_time = 1.0  # as if it had passed
            assert await read(client) == 3
    register = [("POST", "/reg")] if registration == "dynamic" else []
    assert found[: found.index(("POST", "/token")) + 1] == [*DISCOVERY, *register, ("POST", "/token")]
    expect_request(host, server.url)
    expect_consent(host, server.url)
    expect_token(first, identity, server.url)
    expect_refresh(host, first, server.url)
    expect_audit(server)
    assert host.memory.client is not None
    assert claims(host.bearer)["client_id"] == host.memory.client.client_id
    assert (host.memory.client.client_id in {KNOWN_CLIENT, DOCUMENTED_CLIENT}) is (registration != "dynamic")


def expect_request(host: Host, url: str) -> None:
    """It asked for the one scope, for this server alone, with a proof of who may use the code."""
    asked = host.asked_for
    assert asked["resource"] == url
    assert asked["scope"].split() == ["contacts:read", "offline_access"]
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")


def expect_consent(host: Host, url: str) -> None:
    """The person read what is asked for, and came back to the host."""
    asked = host.pages["asked"].splitlines()
    assert asked[asked.index(f"{url}:") + 1] == "contacts:read"
    assert "contacts:write" not in asked
    assert host.pages["last"] == "You are signed in. Close this window."


def expect_token(bearer: str, identity: Identity, url: str) -> None:
    said = claims(bearer)
    assert (said["iss"], said["aud"], said["sub"]) == (identity.issuer, url, "priya")
    assert said["scope"] == "contacts:read"


def expect_refresh(host: Host, first: str, url: str) -> None:
    """The second token came without a person, for the same server, and is another one."""
    forms = [form for _, path, form in host.sent if path == "/token"]
    assert [form["grant_type"] for form in forms] == ["authorization_code", "refresh_token"]
    assert [form["resource"] for form in forms] == [url, url]
    assert len(host.opened) == 1
    assert host.bearer != first


def expect_audit(server: Served) -> None:
    """Both calls are those of the person, and no line has a token."""
    code, said = server.stop(signal.SIGTERM)
    assert code == 0
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    calls = [line for line in lines if line["method"] == "tools/call"]
    assert [(line["caller"], line["tool"], line["outcome"]) for line in calls] == [("priya", "list_contacts", "ok")] * 2
    assert "eyJ" not in said
