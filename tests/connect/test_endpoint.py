"""The URL of a team server."""

from __future__ import annotations

import pytest

from telecmi_mcp._connect.endpoint import parse_endpoint
from telecmi_mcp.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "url", "origin"),
    [
        ("https://mcp.example.com/mcp", "https://mcp.example.com/mcp", "https://mcp.example.com"),
        ("https://mcp.example.com", "https://mcp.example.com/mcp", "https://mcp.example.com"),
        ("https://MCP.example.com:443/", "https://mcp.example.com/mcp", "https://mcp.example.com"),
        ("https://mcp.example.com:8443/a/b", "https://mcp.example.com:8443/a/b", "https://mcp.example.com:8443"),
        ("http://localhost:8000/mcp", "http://localhost:8000/mcp", "http://localhost:8000"),
        ("http://[::1]:8000/mcp", "http://[::1]:8000/mcp", "http://[::1]:8000"),
    ],
)
def test_an_origin_has_one_form_and_the_path_has_a_default(text: str, url: str, origin: str) -> None:
    assert parse_endpoint(text) == (url, origin)


@pytest.mark.parametrize(
    "text",
    [
        "http://mcp.example.com/mcp",
        "http://localhost.example.com/mcp",
        "https://key@mcp.example.com/mcp",
        "https://mcp.example.com/mcp?key=tmk_1",
        "https://mcp.example.com/mcp#tmk_1",
        "https://mcp.example.com:99999/mcp",
        "https:///mcp",
        "mcp.example.com/mcp",
        "file:///etc/passwd",
        f"https://mcp.example.com/{'m' * 2000}",
        "",
    ],
)
def test_a_url_to_which_no_key_may_go_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_endpoint(text)
    assert "tmk_1" not in str(refused.value)


def test_the_command_to_log_in_names_the_url_unless_it_is_long() -> None:
    assert parse_endpoint("https://mcp.example.com").login_command == (
        "telecmi-mcp connect https://mcp.example.com/mcp --login"
    )
    assert parse_endpoint(f"https://mcp.example.com/{'m' * 60}").login_command == "telecmi-mcp connect URL --login"
