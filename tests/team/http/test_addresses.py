"""Which Host and Origin headers are let in, through the whole app; a refused request reaches nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.responses import Response

from telecmi_mcp import create_app
from telecmi_mcp._team.config.addresses import authority_of
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.http.allowed_hosts import AllowedHosts
from telecmi_mcp._team.http.asgi import build_app
from telecmi_mcp._team.http.host_origin import SINGLE_HEADERS, HostOriginMiddleware
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PUBLIC = {
    "TELECMI_HTTP": "0.0.0.0:8000",
    "TELECMI_CALLERS": "oauth",
    "TELECMI_OAUTH_ISSUER": "https://id.example.com",
    "TELECMI_PUBLIC_URL": "https://mcp.example.com/mcp",
    "TELECMI_ALLOWED_HOSTS": "telecmi.example.com, *.sales.example.com, any.example.com:*, [2001:DB8::1]:8443, "
    "Odd.example.com:8443",
    "TELECMI_ALLOWED_ORIGINS": "https://app.example.com, https://*.pages.example.com, http://dev.example.com:*",
}
IN, OTHER_HOST, REFUSED = 405, 421, 403  # a GET that was let in is answered with 405


async def status_of(
    app: ASGIApp, headers: list[tuple[str, str]], *, client: Any = ("127.0.0.1", 50_000), version: str = "1.1"
) -> int:
    """The status of one GET of /mcp whose headers are exactly these."""
    told: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            told.append(message["status"])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": version,
        "method": "GET",
        "scheme": "http",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": client,
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, send)
    (status,) = told
    return status


ON_LOOPBACK = [
    ("127.0.0.1", IN),
    ("127.0.0.1:8000", IN),
    ("LocalHost:9", IN),
    ("localhost.", IN),
    ("[::1]:8000", IN),
    ("[0:0:0:0:0:0:0:1]", IN),
    ("localhost.example.com", OTHER_HOST),
    ("127.0.0.1.nip.io", OTHER_HOST),
    ("rebound.example.com:8000", OTHER_HOST),
    ("localhost:8000@evil.example", OTHER_HOST),
    ("localhost:evil.example", OTHER_HOST),
    ("user@localhost", OTHER_HOST),
    ("localhost/mcp", OTHER_HOST),
    ("localhost:", OTHER_HOST),
    ("localhost:0", OTHER_HOST),
    ("localhost:65536", OTHER_HOST),
    ("localhost:*", OTHER_HOST),
    ("localhost, evil.example", OTHER_HOST),
    ("2130706433", OTHER_HOST),
    ("0.0.0.0:8000", OTHER_HOST),
    ("[::1", OTHER_HOST),
    ("[fe80::1%25eth0]", OTHER_HOST),
    ("lоcalhost".encode().decode("latin-1"), OTHER_HOST),  # noqa: RUF001 - a Cyrillic o is the point
    ("", OTHER_HOST),
]


@pytest.mark.parametrize(("host", "status"), ON_LOOPBACK)
async def test_on_loopback_only_this_machines_own_names_are_let_in(host: str, status: int) -> None:
    assert await status_of(create_app({}), [("host", host)]) == status


async def test_a_request_without_a_host_is_for_no_one() -> None:
    assert await status_of(create_app({}), []) == OTHER_HOST


@pytest.mark.parametrize("second", ["one", "another"])
@pytest.mark.parametrize("name", [*sorted(SINGLE_HEADERS), "mcp-protocol-version", "Mcp-Name", "mcp-param-region"])
async def test_a_header_that_has_one_value_is_sent_once(name: str, second: str) -> None:
    app = HostOriginMiddleware(
        Response(status_code=IN), AllowedHosts.of(TeamSettings.from_env(PUBLIC)), this_machine_only=False
    )
    headers = [("host", "mcp.example.com"), (name, "one"), (name.upper(), second)]
    assert await status_of(app, headers) == 400


@pytest.mark.parametrize("name", ["accept", "accept-language", "cache-control", "x-forwarded-for", "via", "tracestate"])
async def test_a_header_that_is_a_list_may_be_repeated(name: str) -> None:
    app = HostOriginMiddleware(
        Response(status_code=IN), AllowedHosts.of(TeamSettings.from_env(PUBLIC)), this_machine_only=False
    )
    assert await status_of(app, [("host", "mcp.example.com"), (name, "one"), (name, "two")]) == IN


async def test_the_answer_to_repeated_headers_names_no_header_of_the_callers_own() -> None:
    async with AsyncClient(transport=ASGITransport(create_app({})), base_url="http://localhost") as client:
        headers = [(name, "x") for name in ("authorization", "mcp-param-secret") for _ in range(2)]
        answer = await client.post("/mcp", headers=headers)
    sentence = "Send these headers once only, since each has a single value: authorization, mcp-*."
    error = {"code": -32020, "message": sentence}
    assert (answer.status_code, answer.json()) == (400, {"jsonrpc": "2.0", "error": error})


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", IN),
        ("https://127.0.0.1", IN),
        ("http://[::1]:5173", IN),
        ("HTTP://LOCALHOST:3000", IN),
        ("null", REFUSED),
        ("", REFUSED),
        ("https://evil.example", REFUSED),
        ("http://localhost.evil.example", REFUSED),
        ("http://localhost:3000@evil.example", REFUSED),
        ("http://localhost:3000/", REFUSED),
        ("http://localhost:3000 https://evil.example", REFUSED),
        ("http://localhost:*", REFUSED),
        ("localhost:3000", REFUSED),
        ("file://localhost", REFUSED),
        ("chrome-extension://localhost", REFUSED),
    ],
)
async def test_on_loopback_only_pages_of_this_machine_may_call(origin: str, status: int) -> None:
    assert await status_of(create_app({}), [("host", "localhost"), ("origin", origin)]) == status


async def test_a_program_sends_no_origin_and_no_one_sends_two() -> None:
    headers = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://localhost")]
    assert await status_of(create_app({}), headers[:1]) == IN
    assert await status_of(create_app({}), headers) == 400


def public() -> ASGIApp:
    return HostOriginMiddleware(
        Response(status_code=IN), AllowedHosts.of(TeamSettings.from_env(PUBLIC)), this_machine_only=False
    )


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("mcp.example.com", IN),  # of the public address
        ("mcp.example.com:443", IN),
        ("mcp.example.com:8000", OTHER_HOST),
        ("telecmi.example.com", IN),
        ("TELECMI.Example.COM.:80", IN),
        ("telecmi.example.com:8443", OTHER_HOST),
        ("any.example.com:8443", IN),
        ("any.example.com", IN),
        ("odd.example.com:8443", IN),
        ("odd.example.com", OTHER_HOST),
        ("a.sales.example.com", IN),
        ("a.b.sales.example.com:443", IN),
        ("sales.example.com", OTHER_HOST),
        (".sales.example.com", OTHER_HOST),
        ("..sales.example.com", OTHER_HOST),
        ("*.sales.example.com", OTHER_HOST),
        ("evilsales.example.com", OTHER_HOST),
        ("[2001:db8:0:0::1]:8443", IN),
        ("[2001:db8::1]", OTHER_HOST),
        ("localhost:8000", OTHER_HOST),  # it does not listen there for callers
        ("127.0.0.1", OTHER_HOST),
    ],
)
async def test_a_public_server_lets_in_what_was_allowed_with_its_port(host: str, status: int) -> None:
    assert await status_of(public(), [("host", host)], client=("192.0.2.1", 1)) == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://app.example.com", IN),
        ("https://app.example.com:443", IN),
        ("http://app.example.com", REFUSED),
        ("https://app.example.com:80", REFUSED),
        ("https://x.pages.example.com", IN),
        ("http://dev.example.com:5173", IN),
        ("http://localhost:3000", REFUSED),
        ("null", REFUSED),
    ],
)
async def test_a_public_server_is_called_by_pages_that_were_allowed(origin: str, status: int) -> None:
    assert await status_of(public(), [("host", "mcp.example.com"), ("origin", origin)]) == status


@pytest.mark.parametrize(
    ("client", "header"),
    [
        (("192.0.2.1", 50_000), ("x-any", "1")),
        (None, ("x-any", "1")),
        (("127.0.0.1", 50_000), ("X-Forwarded-For", "192.0.2.1")),
        (("127.0.0.1", 50_000), ("Forwarded", "for=192.0.2.1")),
        (("127.0.0.1", 50_000), ("Via", "1.1 proxy")),
    ],
)
async def test_without_keys_or_oauth_no_other_machine_gets_in_not_even_by_a_proxy(
    client: object, header: tuple[str, str]
) -> None:
    headers = [("host", "localhost"), (header[0].lower(), header[1])]
    assert await status_of(create_app({}), headers, client=client) == REFUSED


async def test_nginx_as_it_is_without_settings_is_taken_for_other_machines() -> None:
    assert await status_of(create_app({}), [("host", "127.0.0.1:8000")], version="1.0") == REFUSED


@pytest.mark.parametrize(
    "variables",
    [
        {"TELECMI_HTTP": "0.0.0.0:8000"},
        {"TELECMI_ALLOWED_HOSTS": "localhost, mcp.example.com"},
        {"TELECMI_ALLOWED_HOSTS": "*.example.com:*"},
        {"TELECMI_PUBLIC_URL": "https://mcp.example.com/mcp"},
    ],
)
def test_a_name_that_other_machines_may_use_needs_callers_that_are_known(variables: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"^Set TELECMI_CALLERS: .* needs callers with keys or with OAuth"):
        create_app(variables)


def test_a_public_address_needs_the_names_that_callers_use() -> None:
    database = {"TELECMI_CALLERS": "keys", "TELECMI_DATABASE_URL": "postgresql://nobody@localhost/none"}
    with pytest.raises(ConfigurationError, match=r"^Set TELECMI_ALLOWED_HOSTS: "):
        create_app({"TELECMI_HTTP": "0.0.0.0:8000", **database})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_reported_to_whoever_asks_by_whatever_name(path: str) -> None:
    app = build_app(TeamSettings())
    async with AsyncClient(transport=ASGITransport(app), base_url="http://10.1.2.3:8000") as client:
        assert (await client.get(path)).status_code == {"/healthz": 200, "/readyz": 503}[path]
        assert (await client.get("/other")).status_code == OTHER_HOST


async def test_an_allowed_page_may_read_answers_and_this_machines_may_not() -> None:
    app = create_app({"TELECMI_ALLOWED_ORIGINS": "https://app.example.com"})
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost:8000") as client:
        allowed = await client.options("/mcp", headers={"origin": "https://app.example.com", **asks})
        own = await client.options("/mcp", headers={"origin": "http://localhost:3000", **asks})
        foreign = await client.options("/mcp", headers={"origin": "https://evil.example", **asks})
    assert allowed.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "authorization" in allowed.headers["access-control-allow-headers"]
    assert "access-control-allow-origin" not in own.headers
    assert (foreign.status_code, "access-control-allow-origin" in foreign.headers) == (REFUSED, False)


@pytest.mark.parametrize("text", ["", ".", "a..b", "a b", "a\tb", "[::ffff:1.2.3.4.5]", "[::g]", "a:b:1", "http://a"])
def test_what_is_no_host_names_nothing(text: str) -> None:
    assert authority_of(text) is None
