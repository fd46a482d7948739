"""Who gets the administrators' pages: hosts, origins, keys, guesses, and what every answer says to browsers."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr

from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._team.admin.app import AdminPages, build_admin_app
from telecmi_mcp._team.admin.authentication import MAX_FAILURES, BasicAuthentication, FailureLimit, read_admin_key
from telecmi_mcp._team.admin.page import style_hash
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.config.variables import Address
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2
    from starlette.types import ASGIApp, Receive, Scope, Send

KEY = "0123456789abcdef0123456789abcdef"
LOOPBACK = Address("127.0.0.1", 9464)
OUTSIDE = Address("192.0.2.7", 9464)
NOT_READY = 503  # who is let in before the server has started gets this


def basic(user: str, key: str) -> str:
    return f"Basic {b64encode(f'{user}:{key}'.encode()).decode()}"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "admin_key"
    path.touch(0o600)
    path.write_text(f"{KEY}\n", encoding="utf8")
    return path


def built(address: Address = LOOPBACK, **given: Any) -> ASGIApp:
    settings = TeamSettings(admin_listen=address, **given)
    return build_admin_app(AdminPages(settings), settings, address, secrets=KnownSecrets())


async def ask(
    app: ASGIApp,
    path: str = "/status",
    *,
    method: str = "GET",
    host: str = "127.0.0.1:9464",
    client: str = "127.0.0.1",
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    transport = ASGITransport(app, client=(client, 50_000))
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1:9464") as http:
        return await http.request(method, path, headers={"host": host, **(headers or {})})


@pytest.mark.parametrize("path", ["/status", "/metrics"])
async def test_on_loopback_programs_of_this_machine_need_no_key(path: str) -> None:
    app = built()
    assert (await ask(app, path)).status_code == NOT_READY
    assert (await ask(app, path, host="localhost:9464")).status_code == NOT_READY
    assert (await ask(app, path, client="192.0.2.1")).status_code == 403
    forwarded = await ask(app, path, headers={"x-forwarded-for": "192.0.2.1"})
    assert (forwarded.status_code, "TELECMI_ADMIN_KEY_FILE" in forwarded.text) == (403, True)


@pytest.mark.parametrize("address", [LOOPBACK, OUTSIDE])
async def test_with_a_key_nobody_is_let_in_without_it(address: Address, key_file: Path) -> None:
    app = built(address, admin_key_file=key_file)
    host = f"{address.host}:{address.port}"
    for wrong in (
        {},
        {"authorization": basic("admin", KEY[:-1])},
        {"authorization": basic("admin", f"{KEY} ")},
        {"authorization": basic("root", KEY)},
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"Basic {KEY}!"},
        {"authorization": "Basic"},
        {"authorization": ""},
    ):
        answer = await ask(app, host=host, headers=wrong)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
    for right in (basic("admin", KEY), basic("admin", KEY).replace("Basic", "bASIC")):
        assert (await ask(app, host=host, headers={"authorization": right})).status_code == NOT_READY


async def test_the_allowed_hosts_and_origins_are_those_of_the_other_listener_and_its_own_address(
    key_file: Path,
) -> None:
    hosts = ("contacts.example.com", "replica-1:9464")
    app = built(OUTSIDE, admin_key_file=key_file, allowed_hosts=hosts, allowed_origins=("https://app.example.com",))
    right = {"authorization": basic("admin", KEY)}
    for host, status in {
        "192.0.2.7:9464": NOT_READY,
        "replica-1:9464": NOT_READY,
        "contacts.example.com": NOT_READY,
        "evil.example.com": 421,
        "localhost:9464": 421,
    }.items():
        assert (await ask(app, host=host, headers=right)).status_code == status
    for origin, status in {"https://app.example.com": NOT_READY, "https://evil.example.com": 403, "null": 403}.items():
        assert (await ask(app, host=hosts[1], headers={**right, "origin": origin})).status_code == status


async def test_every_answer_stays_out_of_caches_frames_and_other_pages(key_file: Path) -> None:
    app = built(admin_key_file=key_file)
    right = {"authorization": basic("admin", KEY)}
    answers = [
        await ask(app),
        await ask(app, host="evil.example.com"),
        await ask(app, "/nothing", headers=right),
        await ask(app, method="POST", headers=right),
        await ask(app, headers=right),
    ]
    assert [answer.status_code for answer in answers] == [401, 421, 404, 405, NOT_READY]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"] == (
            f"default-src 'none'; style-src '{style_hash()}'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/status", "/metrics"])
async def test_the_pages_are_only_read(method: str, path: str) -> None:
    assert (await ask(built(), path, method=method)).status_code == 405


@pytest.mark.parametrize("path", ["/", "/mcp", "/status/", "/healthz", "/readyz", "/metrics/x", "/STATUS"])
async def test_nothing_else_is_there(path: str) -> None:
    assert (await ask(built(), path)).status_code == 404


async def answer(app: ASGIApp, address: str, key: str) -> int:
    return (await ask(app, client=address, headers={"authorization": basic("admin", key)})).status_code


async def test_an_address_that_guesses_waits_and_no_other_one_does() -> None:
    now = [0.0]

    async def page(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = BasicAuthentication(page, SecretStr(KEY), clock=lambda: now[0])
    assert [await answer(app, "192.0.2.1", "wrong") for _ in range(MAX_FAILURES)] == [401] * MAX_FAILURES
    now[0] = 20
    refused = await ask(app, client="192.0.2.1", headers={"authorization": basic("admin", KEY)})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "41")
    assert await answer(app, "192.0.2.2", KEY) == 204
    now[0] = 61
    assert await answer(app, "192.0.2.1", KEY) == 204


async def test_the_addresses_of_one_ipv6_network_are_one_guesser() -> None:
    async def page(*_: object) -> None:
        pytest.fail("the key was wrong")

    app = BasicAuthentication(page, SecretStr(KEY))
    statuses = [await answer(app, f"2001:db8::{place:x}", "wrong") for place in range(MAX_FAILURES + 1)]
    assert statuses == [401] * MAX_FAILURES + [429]
    assert await answer(app, "2001:db8:0:1::1", "wrong") == 401


def test_the_memory_of_guessers_is_bounded() -> None:
    failures = FailureLimit(lambda: 0.0)
    for _ in range(MAX_FAILURES):
        failures.add("first")
    assert failures.wait_s("first") == 61
    for number in range(999):
        failures.add(str(number))
    assert failures.wait_s("first") == 61
    failures.add("one more")
    assert failures.wait_s("first") == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "one line of at least 24 characters"),
        ("short\n", "openssl rand -hex 24 prints a key"),
        (f"{KEY}\n{KEY}\n", "one line of at least 24 characters"),
        (f"{KEY}\x07", "one line of at least 24 characters"),
        (f"{KEY}\u0101", "cannot be read"),
    ],
)
def test_a_file_without_one_key_is_refused(key_file: Path, text: str, sentence: str) -> None:
    key_file.write_text(text, encoding="utf8")
    with pytest.raises(ConfigurationError, match="TELECMI_ADMIN_KEY_FILE") as caught:
        read_admin_key(key_file)
    assert sentence in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_file_that_others_can_read_is_refused(key_file: Path) -> None:
    key_file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_admin_key(key_file)


def test_the_key_is_masked_in_the_log(key_file: Path) -> None:
    settings, secrets = TeamSettings(admin_listen=LOOPBACK, admin_key_file=key_file), KnownSecrets()
    build_admin_app(AdminPages(settings), settings, LOOPBACK, secrets=secrets)
    assert KEY not in secrets.hide(f"refused {KEY}")
