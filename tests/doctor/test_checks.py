"""Tests each check of ``telecmi-mcp check``, and that no secret is sent or shown."""

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

from hosts import make_machine, make_target
from telecmi_mcp import errors
from telecmi_mcp._api.token_source import TokenInfo
from telecmi_mcp._config.settings import Settings
from telecmi_mcp._doctor import (
    ConnectionProbe,
    Reply,
    Verdict,
    check_certificates,
    check_clients,
    check_clock,
    check_connection,
    check_index,
    check_proxy,
    check_reply,
    check_secrets,
    check_settings,
    check_sign_in,
    check_versions,
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
    found = check_settings({"TELECMI_TOKEN": SECRET, "TELECMI_INDEX": "disk", "TELECMI_TIMEOUT": " "})
    assert (found.verdict, found.says) == (Verdict.GOOD, "TELECMI_TOKEN, TELECMI_INDEX")


def test_no_settings_are_good() -> None:
    assert check_settings({}).says == "none set; all defaults apply"


def test_an_unfilled_placeholder_is_reported() -> None:
    found = check_settings({"TELECMI_TOKEN": "${user_config.token}", "TELECMI_USER_ID": " ${x} "})
    assert found.verdict is Verdict.DOUBTFUL
    assert found.says.startswith("TELECMI_TOKEN and TELECMI_USER_ID:")
    assert found.advice == "Set TELECMI_TOKEN and TELECMI_USER_ID in the client's settings, or remove them."


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
def test_a_secret_in_a_wrong_variable_is_reported_with_the_right_one(variable: str, value: str, goes: str) -> None:
    found = check_secrets({variable: value})
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
def test_secrets_in_the_right_variables_are_good(environ: dict[str, str]) -> None:
    assert check_secrets(environ).verdict is Verdict.GOOD


# The machine


def test_a_proxy_is_shown_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://someone:{SECRET}@proxy.example:3128")
    found = check_proxy(TELECMI)
    assert (found.verdict, found.says) == (
        Verdict.GOOD,
        "http://proxy.example:3128, from the environment or the system settings",
    )


@pytest.mark.parametrize("address", [TELECMI, "http://localhost:1", "http://127.0.0.1:1"])
def test_a_host_that_bypasses_the_proxy_has_none(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "rest.telecmi.com")
    assert check_proxy(address).says == "none"


@pytest.mark.parametrize("bypass", ["*.telecmi.com", "rest.telecmi.com:443"])
def test_the_rules_of_no_proxy_are_those_of_the_server(monkeypatch: pytest.MonkeyPatch, bypass: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert check_proxy(TELECMI).says == "http://proxy.example:3128, from the environment or the system settings"
    monkeypatch.setenv("NO_PROXY", bypass)
    assert check_proxy(TELECMI).says == "none"


def test_a_socks_proxy_needs_the_socks_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.example:1080")
    monkeypatch.setattr("telecmi_mcp._doctor.environment.find_spec", lambda _: None)
    found = check_proxy(TELECMI)
    assert found.verdict is Verdict.BAD
    assert "httpx2[socks]" in found.advice


@pytest.mark.parametrize("proxy", ["http://", "http://proxy.example:port"])
def test_an_invalid_proxy_address_is_reported(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert check_proxy(TELECMI).verdict is Verdict.BAD


def test_the_certificates_are_the_systems_by_default() -> None:
    assert check_certificates({"SSL_CERT_FILE": ""}).says == "the system's"


def test_configured_certificate_files_must_exist(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    missing = check_certificates({"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": str(tmp_path)})
    assert (missing.verdict, missing.advice) == (Verdict.BAD, "Correct or unset SSL_CERT_FILE.")
    file.touch()
    there = check_certificates({"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": str(tmp_path)})
    assert (there.verdict, there.says) == (Verdict.GOOD, "from SSL_CERT_FILE and SSL_CERT_DIR")


def test_versions_are_named() -> None:
    says = check_versions().says
    for name in ["telecmi-mcp ", "Python 3.", "mcp 2.", "httpx2 2.", "pydantic 2."]:
        assert name in says


# The connection


class RecordingServer:
    """A server that records what it receives and answers with a date."""

    def __init__(self, date: str) -> None:
        self.received = b""
        self._answer = f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nConnection: close\r\n\r\n".encode()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received += await reader.readuntil(b"\r\n\r\n")
        writer.write(self._answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(server: RecordingServer, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve on loopback, and give the address."""
    async with await asyncio.start_server(server.answer, "127.0.0.1", 0, ssl=context) as listener:
        with anyio.fail_after(30):
            yield f"{'https' if context else 'http'}://localhost:{listener.sockets[0].getsockname()[1]}"


def signed_by(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


async def test_the_probe_reads_the_date_and_sends_no_secret() -> None:
    server = RecordingServer(formatdate(NOON - 300, usegmt=True))
    async with serving(server) as address:
        probe = await probe_connection(address, clock=lambda: NOON)
    assert probe == ConnectionProbe(answered=True, issuer="", ahead=300.0)
    assert server.received.startswith(b"HEAD / HTTP/1.1\r\n")
    assert b"cookie" not in server.received.lower()
    assert b"authorization" not in server.received.lower()


async def test_a_trusted_certificate_is_reported_with_its_issuer() -> None:
    authority = trustme.CA(organization_name="Trusted Example")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    server = RecordingServer("no date at all")
    async with serving(server, signed_by(authority)) as address:
        probe = await probe_connection(address, trust=trust)
    assert (probe.answered, probe.trusted, probe.issuer, probe.ahead) == (True, True, "Trusted Example", None)
    assert check_connection(address, probe).says == "localhost, TLS, certificate by Trusted Example"


async def test_an_untrusted_certificate_is_reported_with_its_sanitized_issuer() -> None:
    server = RecordingServer(formatdate(NOON, usegmt=True))
    async with serving(server, signed_by(trustme.CA(organization_name="Reads\u202eAlong"))) as address:
        probe = await probe_connection(address, clock=lambda: NOON)
    assert (probe.answered, probe.trusted, probe.issuer) == (True, False, "ReadsAlong")
    found = check_connection(address, probe)
    assert found.verdict is Verdict.BAD
    assert found.says == "the certificate of localhost is not trusted, issued by ReadsAlong"
    assert "SSL_CERT_FILE" in found.advice


async def test_no_answer_is_unknown_rather_than_bad() -> None:
    probe = await probe_connection("http://127.0.0.1:9")
    assert probe == ConnectionProbe()
    assert check_connection("http://127.0.0.1:9", probe).verdict is Verdict.UNKNOWN


async def test_an_invalid_proxy_port_does_not_crash_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:port")
    assert await probe_connection("https://telecmi.invalid") == ConnectionProbe()


@pytest.mark.parametrize(("bypass", "asked"), [("other.invalid", True), ("*.invalid", False)])
async def test_the_probe_asks_the_proxy_that_the_server_asks(
    monkeypatch: pytest.MonkeyPatch, bypass: str, *, asked: bool
) -> None:
    proxy = RecordingServer("no date")
    async with serving(proxy) as address:
        monkeypatch.setenv("HTTPS_PROXY", address)
        monkeypatch.setenv("NO_PROXY", bypass)
        assert await probe_connection("https://telecmi.invalid") == ConnectionProbe()
    assert proxy.received.startswith(b"CONNECT telecmi.invalid:443 ") is asked


@pytest.mark.parametrize(
    ("ahead", "verdict", "says"),
    [
        (None, Verdict.UNKNOWN, "TeleCMI sent no date"),
        (-90.0, Verdict.GOOD, "within two minutes of TeleCMI's"),
        (600.0, Verdict.BAD, "10 minutes ahead of TeleCMI's"),
        (-86_400.0, Verdict.BAD, "1,440 minutes behind TeleCMI's"),
    ],
)
def test_the_clock_is_compared_with_the_date_of_the_answer(ahead: float | None, verdict: Verdict, says: str) -> None:
    found = check_clock(ConnectionProbe(answered=True, ahead=ahead))
    assert (found.verdict, found.says) == (verdict, says)


def test_without_an_answer_the_clock_is_not_compared() -> None:
    assert check_clock(ConnectionProbe()).says == "not compared, because there is no answer"


# The account


@pytest.mark.parametrize(
    ("origin", "verdict", "says"),
    [
        (TokenInfo(), Verdict.UNKNOWN, "none"),
        (TokenInfo("TELECMI_TOKEN"), Verdict.GOOD, "TELECMI_TOKEN; age unknown; not renewed automatically"),
        (
            TokenInfo("a file", "103_1", NOON - 86_400, renewal=True),
            Verdict.GOOD,
            "a file, user 103_1; issued 1 day ago, valid for about 30 days; renewed automatically",
        ),
        (
            TokenInfo("a file", "103_1", NOON - 28 * 86_400),
            Verdict.DOUBTFUL,
            "a file, user 103_1; issued 28 days ago, valid for about 30 days; not renewed automatically",
        ),
    ],
)
def test_a_sign_in_is_reported_with_its_age_and_renewal(origin: TokenInfo, verdict: Verdict, says: str) -> None:
    found = check_sign_in(origin, NOON)
    assert (found.verdict, found.says) == (verdict, says)


@pytest.mark.parametrize(("age_s", "is_young"), [(600, True), (86_399, True), (86_400, False), (-60, False)])
def test_a_token_that_was_just_issued_and_is_refused_is_known(age_s: int, *, is_young: bool) -> None:
    info = TokenInfo("a file", "103_1", NOON - age_s)
    found = check_reply(Reply(answers=True, accepts_token=False, error=errors.TokenRejected(404)), info, NOON)
    assert ("less than a day old" in found.says, "ask it whether contacts are enabled" in found.advice) == (
        is_young,
        is_young,
    )


def test_a_token_of_unknown_age_and_an_explained_refusal_are_reported_as_they_are() -> None:
    for info, error in (
        (TokenInfo("TELECMI_TOKEN"), errors.TokenRejected(404)),
        (TokenInfo("a file", "103_1", NOON), errors.TokenRejected(404, fact="it had just been issued", hint="Ask")),
    ):
        assert check_reply(Reply(error=error), info, NOON).says == error.fact


def test_advice_for_a_model_is_turned_into_advice_for_the_user() -> None:
    found = check_reply(Reply(error=errors.NotSignedIn()))
    assert found.advice.startswith("Run telecmi-mcp login in a terminal")
    assert check_reply(Reply(error=errors.Unreachable())).advice == "Check the network and TELECMI_BASE_URL."


@pytest.mark.parametrize(
    ("contacts", "says"),
    [
        (1234, "accepts the token; 1,234 contacts"),
        (None, "accepts the token; number of contacts unknown"),
    ],
)
def test_an_accepted_token_is_good(contacts: int | None, says: str) -> None:
    found = check_reply(Reply(answers=True, accepts_token=True, contacts=contacts))
    assert (found.verdict, found.says) == (Verdict.GOOD, says)


@pytest.mark.parametrize(("index", "word"), [("off", "off:"), ("memory", "in memory"), ("disk", "not built yet")])
def test_the_place_of_the_index_is_reported(
    index: str, word: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = check_index(Settings(index=index), "nobody")
    assert found.verdict is Verdict.GOOD
    assert word in found.says


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "search_contacts is unavailable; use list_contacts and get_contact, which work"),
        ({"tool_prefix": "x_"}, "x_search_contacts is unavailable; use x_list_contacts and x_get_contact, which work"),
        ({"tools": "chatgpt"}, "search is unavailable; use fetch, which works"),
    ],
)
def test_tools_that_need_the_index_are_named_as_the_server_names_them(settings: dict[str, str], says: str) -> None:
    found = check_index(Settings(index="off", **settings), "nobody")  # type: ignore[arg-type] # all are texts
    assert found.says == f"off: {says}"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such owners")
def test_an_index_that_cannot_be_on_disk_is_reported_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "telecmi-mcp"
    location = FileLocation(folder, "nobody")
    location.take()
    location.close()
    uid = os.getuid()
    with monkeypatch.context() as patched:
        patched.setattr(os, "getuid", lambda: uid + 1)
        found = check_index(Settings(index="disk"), "nobody")
    assert found.verdict is Verdict.BAD
    assert found.says == "in memory instead of on disk, because its folder belongs to another user"
    (path,) = folder.glob("*.db")
    path.unlink()
    os.mkfifo(path)
    found = check_index(Settings(index="disk"), "nobody")
    assert (found.verdict, found.says) == (Verdict.BAD, "on disk, unreadable")


def test_a_folder_that_cannot_hold_the_index_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("telecmi_mcp._doctor.index.probe_folder", lambda _: "it is read-only")
    found = check_index(Settings(index="disk"), "nobody")
    assert (found.verdict, found.says) == (Verdict.BAD, "in memory instead of on disk, because it is read-only")


# The clients


def configured(home: Path, client: str, **entry: object) -> None:
    """A client with an entry for this server."""
    file = make_target(client, home).file
    file.write_text(json.dumps({"mcpServers": {"telecmi": entry}}))


def test_clients_that_have_the_server_are_named(tmp_path: Path) -> None:
    program = tmp_path / "telecmi-mcp"
    program.touch()
    for client in ("cursor", "gemini"):
        configured(tmp_path, client, command=str(program), env={"TELECMI_TOKEN": "${env:TELECMI_TOKEN}"})
    found = check_clients(make_machine(tmp_path))
    assert (found.verdict, found.says) == (Verdict.GOOD, "Cursor, Gemini CLI")


def test_a_client_with_invented_contacts_is_reported(tmp_path: Path) -> None:
    program = tmp_path / "telecmi-mcp"
    program.touch()
    configured(tmp_path, "cursor", command=str(program), args=["serve", "--sandbox"])
    found = check_clients(make_machine(tmp_path))
    assert (found.verdict, found.says) == (Verdict.DOUBTFUL, "Cursor has the sandbox, with invented contacts")
    assert found.advice.startswith("Run telecmi-mcp install cursor ")


def test_without_a_configured_client_the_advice_is_to_install(tmp_path: Path) -> None:
    found = check_clients(make_machine(tmp_path))
    assert found.verdict is Verdict.UNKNOWN
    assert found.advice.startswith("Run telecmi-mcp install CLIENT")


def test_a_command_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    configured(tmp_path, "cursor", command=str(tmp_path / "gone"))
    found = check_clients(make_machine(tmp_path))
    assert (found.verdict, found.says) == (Verdict.BAD, "the command in the configuration of Cursor does not exist")
    assert found.advice == "Run telecmi-mcp install cursor --force."


def test_a_missing_uv_is_reported(tmp_path: Path) -> None:
    configured(tmp_path, "cursor", command="uvx", args=["telecmi-mcp"])
    found = check_clients(make_machine(tmp_path, PATH=str(tmp_path)))
    assert (found.verdict, found.says) == (Verdict.BAD, "Cursor starts the server with uvx, which is missing")
    assert found.advice.startswith("Install uv, or run telecmi-mcp install cursor")


def test_a_token_in_plain_text_is_reported_and_not_shown(tmp_path: Path) -> None:
    program = tmp_path / "telecmi-mcp"
    program.touch()
    configured(tmp_path, "cursor", command=str(program), env={"TELECMI_TOKEN": SECRET})
    found = check_clients(make_machine(tmp_path))
    assert found.verdict is Verdict.DOUBTFUL
    assert found.says == "the configuration of Cursor has TELECMI_TOKEN in plain text"
    assert SECRET not in found.says + found.advice


def test_a_configuration_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    make_target("cursor", tmp_path).file.write_text("{")
    found = check_clients(make_machine(tmp_path))
    assert found.verdict is Verdict.UNKNOWN
    assert found.says.startswith("the configuration of Cursor cannot be read")
