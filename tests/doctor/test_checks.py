"""What telecmi-mcp check finds: each fault of a desk, and that nothing secret is sent or shown."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import TYPE_CHECKING

import anyio
import pytest
import trustme

from hosts import made_desk, made_machine
from telecmi_mcp import errors
from telecmi_mcp._api.token_source import TokenInfo
from telecmi_mcp._config.settings import Settings
from telecmi_mcp._doctor import (
    ConnectionProbe,
    Reply,
    Verdict,
    judge_clock,
    judge_connection,
    judge_reply,
    judge_sign_in,
    look_at_certificates,
    look_at_clients,
    look_at_index,
    look_at_proxy,
    look_at_settings,
    look_at_versions,
    look_for_secrets,
    probe_connection,
)
from telecmi_mcp._index.location import FileLocation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TELECMI = "https://rest.telecmi.com"
NOON = 1_790_000_000.0
SECRET = "hunter2-hunter2-hunter2-hunter2"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


# Settings


def test_settings_that_are_set_are_named_and_not_shown() -> None:
    found = look_at_settings({"TELECMI_TOKEN": SECRET, "TELECMI_INDEX": "disk", "TELECMI_TIMEOUT": " "})
    assert (found.verdict, found.says) == (Verdict.GOOD, "TELECMI_TOKEN, TELECMI_INDEX")


def test_no_setting_at_all_is_all_right() -> None:
    assert look_at_settings({}).says == "none, all as by default"


def test_what_a_client_left_unfilled_is_named() -> None:
    found = look_at_settings({"TELECMI_TOKEN": "${user_config.token}", "TELECMI_USER_ID": " ${x} "})
    assert found.verdict is Verdict.DOUBTFUL
    assert found.says.startswith("TELECMI_TOKEN and TELECMI_USER_ID:")
    assert found.advice == "Fill TELECMI_TOKEN and TELECMI_USER_ID in in the client's settings, or take them out."


@pytest.mark.parametrize(
    ("variable", "value", "goes"),
    [
        ("TELECMI_USER_ID", SECRET, "TELECMI_TOKEN"),
        ("TELECMI_USER_ID", "ab.cd-e.fg_h", "TELECMI_TOKEN"),
        ("TELECMI_TOKEN_FILE", SECRET, "TELECMI_TOKEN"),
        ("TELECMI_PASSWORD_FILE", SECRET, "TELECMI_PASSWORD"),
        ("TELECMI_BASE_URL", f"https://user:{SECRET}@rest.telecmi.com", "TELECMI_TOKEN"),
        ("TELECMI_BASE_URL", f"{TELECMI}?token={SECRET}", "TELECMI_TOKEN"),
        ("TELECMI_API_KEY", SECRET, "TELECMI_TOKEN"),
    ],
)
def test_a_secret_in_a_wrong_place_is_told_with_the_right_one(variable: str, value: str, goes: str) -> None:
    found = look_for_secrets({variable: value})
    assert found.verdict is Verdict.BAD
    assert variable in found.says
    assert goes in found.advice
    assert SECRET not in found.says + found.advice


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"TELECMI_TOKEN": SECRET, "TELECMI_USER_ID": "103_1111112", "TELECMI_BASE_URL": TELECMI},
        {"TELECMI_TOKEN_FILE": "/home/someone/secrets/telecmi-token", "TELECMI_USER_ID": "${user_config.user_id}"},
        {"TELECMI_BASE_URL": "https://[nonsense"},
    ],
)
def test_secrets_where_they_belong_are_all_right(environ: dict[str, str]) -> None:
    assert look_for_secrets(environ).verdict is Verdict.GOOD


# The machine


def test_a_proxy_is_shown_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://someone:{SECRET}@proxy.example:3128")
    found = look_at_proxy(TELECMI)
    assert (found.verdict, found.says) == (
        Verdict.GOOD,
        "http://proxy.example:3128, as the system says",
    )


@pytest.mark.parametrize("address", [TELECMI, "http://localhost:1", "http://127.0.0.1:1"])
def test_what_goes_past_the_proxy_needs_none(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "rest.telecmi.com")
    assert look_at_proxy(address).says == "none"


def test_a_socks_proxy_needs_what_speaks_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.example:1080")
    monkeypatch.setattr("telecmi_mcp._doctor.environment.find_spec", lambda _: None)
    found = look_at_proxy(TELECMI)
    assert found.verdict is Verdict.BAD
    assert "httpx2[socks]" in found.advice


@pytest.mark.parametrize("proxy", ["http://", "http://proxy.example:port"])
def test_a_proxy_that_is_no_address_is_told(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert look_at_proxy(TELECMI).verdict is Verdict.BAD


def test_certificate_files_are_the_systems_unless_named() -> None:
    assert look_at_certificates({"SSL_CERT_FILE": ""}).says == "the system's"


def test_certificate_files_that_are_named_must_be_there(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    missing = look_at_certificates({"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": str(tmp_path)})
    assert (missing.verdict, missing.advice) == (Verdict.BAD, "Correct or unset SSL_CERT_FILE.")
    file.touch()
    there = look_at_certificates({"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": str(tmp_path)})
    assert (there.verdict, there.says) == (Verdict.GOOD, "those of SSL_CERT_FILE and SSL_CERT_DIR")


def test_versions_are_named() -> None:
    says = look_at_versions().says
    for name in ["telecmi-mcp ", "Python 3.", "mcp 2.", "httpx2 2.", "pydantic 2."]:
        assert name in says


# The connection


class ClientSpec:
    """What answers at the door, and what it was sent."""

    def __init__(self, date: str) -> None:
        self.received = b""
        self._answer = f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nConnection: close\r\n\r\n".encode()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received += await reader.readuntil(b"\r\n\r\n")
        writer.write(self._answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(host: ClientSpec, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve on loopback, and give the address."""
    async with await asyncio.start_server(host.answer, "127.0.0.1", 0, ssl=context) as server:
        with anyio.fail_after(30):
            yield f"{'https' if context else 'http'}://localhost:{server.sockets[0].getsockname()[1]}"


def signed_by(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


async def test_the_door_tells_the_time_and_is_sent_nothing_secret() -> None:
    host = ClientSpec(formatdate(NOON - 300, usegmt=True))
    async with serving(host) as address:
        door = await probe_connection(address, clock=lambda: NOON)
    assert door == ConnectionProbe(answered=True, issuer="", ahead=300.0)
    assert host.received.startswith(b"HEAD / HTTP/1.1\r\n")
    assert b"cookie" not in host.received.lower()
    assert b"authorization" not in host.received.lower()


async def test_a_trusted_certificate_is_told_with_its_issuer() -> None:
    authority = trustme.CA(organization_name="Trusted Example")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    host = ClientSpec("no date at all")
    async with serving(host, signed_by(authority)) as address:
        door = await probe_connection(address, trust=trust)
    assert (door.answered, door.trusted, door.issuer, door.ahead) == (True, True, "Trusted Example", None)
    assert judge_connection(address, door).says == "localhost, TLS, certificate by Trusted Example"


async def test_a_certificate_that_is_not_trusted_is_told_with_its_issuer_cleaned() -> None:
    host = ClientSpec(formatdate(NOON, usegmt=True))
    async with serving(host, signed_by(trustme.CA(organization_name="Reads\u202eAlong"))) as address:
        door = await probe_connection(address, clock=lambda: NOON)
    assert (door.answered, door.trusted, door.issuer) == (True, False, "ReadsAlong")
    found = judge_connection(address, door)
    assert found.verdict is Verdict.BAD
    assert found.says == "the certificate of localhost is not trusted, issued by ReadsAlong"
    assert "SSL_CERT_FILE" in found.advice


async def test_nobody_at_the_door_is_not_known_to_be_bad() -> None:
    door = await probe_connection("http://127.0.0.1:9")
    assert door == ConnectionProbe()
    assert judge_connection("http://127.0.0.1:9", door).verdict is Verdict.UNKNOWN


async def test_a_certificate_file_that_is_not_there_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:port")
    assert await probe_connection("https://telecmi.invalid") == ConnectionProbe()


@pytest.mark.parametrize(
    ("ahead", "verdict", "says"),
    [
        (None, Verdict.UNKNOWN, "TeleCMI told no time"),
        (-90.0, Verdict.GOOD, "as TeleCMI's, to two minutes"),
        (600.0, Verdict.BAD, "10 minutes ahead of TeleCMI's"),
        (-86_400.0, Verdict.BAD, "1,440 minutes behind TeleCMI's"),
    ],
)
def test_the_clock_is_judged_by_the_date_of_the_answer(ahead: float | None, verdict: Verdict, says: str) -> None:
    found = judge_clock(ConnectionProbe(answered=True, ahead=ahead))
    assert (found.verdict, found.says) == (verdict, says)


# The account


@pytest.mark.parametrize(
    ("origin", "verdict", "says"),
    [
        (TokenInfo(), Verdict.UNKNOWN, "none"),
        (TokenInfo("TELECMI_TOKEN"), Verdict.GOOD, "TELECMI_TOKEN; age not known; a person has to renew it"),
        (
            TokenInfo("a file", "103_1", NOON - 86_400, renewal=True),
            Verdict.GOOD,
            "a file, user 103_1; issued 1 day ago of about 30; renewed by itself",
        ),
        (
            TokenInfo("a file", "103_1", NOON - 28 * 86_400),
            Verdict.DOUBTFUL,
            "a file, user 103_1; issued 28 days ago of about 30; a person has to renew it",
        ),
    ],
)
def test_a_sign_in_is_told_with_its_age_and_renewal(origin: TokenInfo, verdict: Verdict, says: str) -> None:
    found = judge_sign_in(origin, NOON)
    assert (found.verdict, found.says) == (verdict, says)


def test_advice_for_a_models_user_speaks_to_the_reader() -> None:
    found = judge_reply(Reply(error=errors.NotSignedIn()))
    assert found.advice.startswith("Run telecmi-mcp login in a terminal")
    assert judge_reply(Reply(error=errors.Unreachable())).advice == "Check the network and TELECMI_BASE_URL."


@pytest.mark.parametrize(
    ("contacts", "says"),
    [
        (1234, "it takes the token; 1,234 contacts"),
        (None, "it takes the token; the number of contacts is not known"),
    ],
)
def test_a_token_that_is_taken_is_all_right(contacts: int | None, says: str) -> None:
    found = judge_reply(Reply(answers=True, accepts_token=True, contacts=contacts))
    assert (found.verdict, found.says) == (Verdict.GOOD, says)


@pytest.mark.parametrize(("index", "word"), [("off", "off:"), ("memory", "in memory"), ("disk", "not there yet")])
def test_the_index_is_told(index: str, word: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = look_at_index(Settings(index=index), "nobody")
    assert found.verdict is Verdict.GOOD
    assert word in found.says


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such owners")
def test_an_index_that_cannot_be_on_disk_is_told_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "telecmi-mcp"
    shelf = FileLocation(folder, "nobody")
    shelf.take()
    shelf.close()
    uid = os.getuid()
    with monkeypatch.context() as patched:
        patched.setattr(os, "getuid", lambda: uid + 1)
        found = look_at_index(Settings(index="disk"), "nobody")
    assert found.verdict is Verdict.BAD
    assert found.says == "in memory instead of on disk, because its folder belongs to another user"
    (path,) = folder.glob("*.db")
    path.unlink()
    os.mkfifo(path)
    found = look_at_index(Settings(index="disk"), "nobody")
    assert (found.verdict, found.says) == (Verdict.BAD, "on disk, unreadable")


# The clients


def configured(home: Path, client: str, **entry: object) -> None:
    """A client with an entry for this server."""
    file = made_desk(client, home).file
    file.write_text(json.dumps({"mcpServers": {"telecmi": entry}}))


def test_clients_that_have_the_server_are_named(tmp_path: Path) -> None:
    program = tmp_path / "telecmi-mcp"
    program.touch()
    for client in ("cursor", "gemini"):
        configured(tmp_path, client, command=str(program), env={"TELECMI_TOKEN": "${env:TELECMI_TOKEN}"})
    found = look_at_clients(made_machine(tmp_path))
    assert (found.verdict, found.says) == (Verdict.GOOD, "Cursor, Gemini CLI")


def test_where_no_client_has_it_the_advice_is_to_install_it(tmp_path: Path) -> None:
    found = look_at_clients(made_machine(tmp_path))
    assert found.verdict is Verdict.UNKNOWN
    assert found.advice.startswith("Run telecmi-mcp install CLIENT")


def test_a_path_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    configured(tmp_path, "cursor", command=str(tmp_path / "gone"))
    found = look_at_clients(made_machine(tmp_path))
    assert (found.verdict, found.says) == (Verdict.BAD, "what Cursor would start is not there")
    assert found.advice == "Run telecmi-mcp install cursor --force."


def test_a_missing_uv_is_told(tmp_path: Path) -> None:
    configured(tmp_path, "cursor", command="uvx", args=["telecmi-mcp"])
    found = look_at_clients(made_machine(tmp_path, PATH=str(tmp_path)))
    assert (found.verdict, found.says) == (Verdict.BAD, "Cursor starts it with uvx, which is missing")
    assert found.advice.startswith("Install uv, or run telecmi-mcp install cursor")


def test_a_token_in_plain_text_is_told_and_not_shown(tmp_path: Path) -> None:
    program = tmp_path / "telecmi-mcp"
    program.touch()
    configured(tmp_path, "cursor", command=str(program), env={"TELECMI_TOKEN": SECRET})
    found = look_at_clients(made_machine(tmp_path))
    assert found.verdict is Verdict.DOUBTFUL
    assert found.says == "TELECMI_TOKEN stands in plain text in the file of Cursor"
    assert SECRET not in found.says + found.advice


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    made_desk("cursor", tmp_path).file.write_text("{")
    found = look_at_clients(made_machine(tmp_path))
    assert found.verdict is Verdict.UNKNOWN
    assert found.says.startswith("the file of Cursor cannot be read")
