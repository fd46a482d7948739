"""``team check`` against a real server whose callers have OAuth tokens: its challenge and its metadata."""

from __future__ import annotations

import sys

import pytest

from team.ports import free_port
from team.serving import served
from telecmi_mcp._doctor import Verdict
from telecmi_mcp._team.checks.public_url import check_public_url
from telecmi_mcp._team.config.settings import TeamSettings

ISSUER = "http://127.0.0.1:9/tenant"


@pytest.mark.parametrize(("issuer", "verdict"), [(ISSUER, "good"), (f"{ISSUER}/x", "bad")])
async def test_the_metadata_of_the_running_server_are_compared_with_the_settings(issuer: str, verdict: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp"
    words = [sys.executable, "-m", "telecmi_mcp", "serve", "--sandbox", "--http", f"{port}", "--callers", "oauth"]
    with served(command=[*words, "--oauth-issuer", ISSUER, "--public-url", url]):
        settings = TeamSettings(callers="oauth", issuer=issuer, public_url=url)
        results = {each.about: each for each in await check_public_url(settings)}
        moved = TeamSettings(callers="oauth", issuer=issuer, public_url=f"http://localhost:{port}/mcp")
        (other,) = await check_public_url(moved)
    assert results["Public URL"].verdict is Verdict.GOOD
    assert results["Metadata"].verdict == verdict
    assert "names another address for its OAuth metadata" in other.says
