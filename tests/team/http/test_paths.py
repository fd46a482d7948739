"""Where the endpoint and the metadata are found: with and without a slash, behind proxies with and without a prefix."""

from __future__ import annotations

import pytest

from conftest import SIGNED_IN
from team.http.asking import LEGACY, headers_of, opened_client, request, result_in
from telecmi_mcp._team.config.settings import TeamSettings

PREFIXED = TeamSettings(common=SIGNED_IN, public_url="http://localhost:8000/contacts/of/sales/mcp")
BY_OAUTH = TeamSettings(
    common=SIGNED_IN,
    callers="oauth",
    issuer="https://id.example.com",
    public_url="http://localhost:8000/contacts/mcp",
    allowed_hosts=("localhost:8000",),
)
METADATA = "/.well-known/oauth-protected-resource"


async def status_of(settings: TeamSettings | None, path: str, root_path: str = "") -> int:
    async with opened_client(settings, root_path=root_path) as client:
        answer = await client.post(path, json=request("tools/list"), headers=headers_of(LEGACY))
    if answer.status_code == 200:
        assert result_in(answer)["tools"]
    return answer.status_code


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/mcp?a=b", "/mcp/?a=b", "/%6dcp", "/mcp%2F"])
async def test_the_endpoint_is_found_with_and_without_a_slash_and_never_by_a_redirect(path: str) -> None:
    assert await status_of(None, path) == 200


@pytest.mark.parametrize("path", ["/", "/mcp//", "//mcp", "/mcpx", "/mcp/x", "/MCP", "/contacts/of/sales/mcp"])
async def test_there_is_nothing_elsewhere(path: str) -> None:
    assert await status_of(None, path) == 404


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", ["/mcp", "/contacts/of/sales/mcp"])
async def test_a_proxy_with_a_prefix_may_strip_it_or_not(path: str, slash: str) -> None:
    assert await status_of(PREFIXED, path + slash) == 200


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", ["/contacts/of/sales/mcp", "/mcp"])
async def test_the_servers_root_path_is_no_part_of_the_path(path: str, slash: str) -> None:
    assert await status_of(None, path + slash, "/contacts/of/sales") == 200


@pytest.mark.parametrize("public_url", ["http://localhost:8000/contacts", "http://localhost:8000/contacts/"])
async def test_the_public_address_need_not_end_like_ours(public_url: str) -> None:
    settings = TeamSettings(common=SIGNED_IN, public_url=public_url)
    assert [await status_of(settings, path) for path in ("/contacts", "/contacts/", "/mcp")] == [200] * 3


async def test_a_public_address_without_a_path_is_the_root() -> None:
    settings = TeamSettings(common=SIGNED_IN, public_url="http://localhost:8000")
    assert [await status_of(settings, path) for path in ("/mcp", "/", "/x")] == [200, 200, 404]


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/contacts/mcp", "/contacts/mcp/"])
async def test_wherever_it_is_called_the_challenge_names_the_public_metadata(path: str) -> None:
    async with opened_client(BY_OAUTH) as client:
        refused = await client.post(path, json=request("tools/list"), headers=headers_of(LEGACY))
        assert refused.status_code == 401
        url = refused.headers["www-authenticate"].partition('resource_metadata="')[2].rstrip('"')
        assert url == f"http://localhost:8000{METADATA}/contacts/mcp"
        for address in (url, f"{url}/"):
            answer = await client.get(address)
            assert (answer.status_code, answer.json()["resource"]) == (200, BY_OAUTH.public_url)


@pytest.mark.parametrize("public_url", ["http://localhost:8000/mcp/", "http://localhost:8000"])
async def test_the_metadata_of_other_addresses_is_found_where_the_challenge_says(public_url: str) -> None:
    settings = TeamSettings(common=SIGNED_IN, callers="oauth", issuer="https://id.example.com", public_url=public_url)
    async with opened_client(settings) as client:
        refused = await client.post("/mcp", json=request("tools/list"), headers=headers_of(LEGACY))
        url = refused.headers["www-authenticate"].partition('resource_metadata="')[2].rstrip('"')
        answer = await client.get(url)
    assert (answer.status_code, answer.json()["authorization_servers"]) == (200, ["https://id.example.com"])


@pytest.mark.parametrize("path", ["/healthz", "/contacts/healthz"])
async def test_health_is_reported_below_the_root_path_too(path: str) -> None:
    async with opened_client(root_path="/contacts") as client:
        assert (await client.get(f"http://10.1.2.3:8000{path}")).status_code == 200
        assert (await client.get("http://10.1.2.3:8000/healthz/x")).status_code == 421
