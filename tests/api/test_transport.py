"""The way to a host: which proxy the environment chooses, SOCKS proxies, and pools that are replaced."""

from __future__ import annotations

import os
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import TYPE_CHECKING

import anyio
import httpx2
import pytest
import trustme

from faults.server import FaultServer, Play, Visit
from hostile import TRICKS, HostileTelecmi
from telecmi_mcp._api.http import Channel
from telecmi_mcp._api.transport import proxy_url
from telecmi_mcp.errors import InsecureConnection, ProxyOrCertificate

if TYPE_CHECKING:
    from pathlib import Path

PROXY = "http://proxy.example:3128"
TELECMI = "https://rest.telecmi.com"
_NO_AUTH = b"\x05\x00"
_CONNECTED = b"\x05\x00\x00\x01" + bytes(6)
_REFUSED = b"\x05\x02\x00\x01" + bytes(6)


@pytest.fixture(autouse=True)
def _no_proxy_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("environ", "chosen"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY}, PROXY),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"HTTPS_PROXY": PROXY, "ALL_PROXY": "http://other.example"}, PROXY),
        ({"HTTPS_PROXY": "", "ALL_PROXY": PROXY}, PROXY),
        ({"HTTP_PROXY": PROXY}, None),
        ({"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
        ({"ALL_PROXY": "socks5://proxy.example:1080"}, "socks5://proxy.example:1080"),
    ],
)
def test_the_proxy_is_the_one_of_the_scheme_and_else_the_one_for_all(
    environ: dict[str, str], chosen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert proxy_url(TELECMI) == chosen
    assert (chosen is not None) is httpx2_uses_a_proxy(TELECMI)


_SAME = [
    ("rest.telecmi.com", TELECMI, True),
    ("telecmi.com", TELECMI, True),
    (".telecmi.com", TELECMI, True),
    ("*", TELECMI, True),
    ("other.example, *", TELECMI, True),
    ("other.example,rest.telecmi.com", TELECMI, True),
    (" other.example ,  rest.telecmi.com ", TELECMI, True),
    ("REST.TeleCMI.com", TELECMI, True),
    ("telecmi.com", "https://REST.TELECMI.COM", True),
    ("rest.telecmi.com:8443", "https://rest.telecmi.com:8443", True),
    ("rest.telecmi.com", "https://rest.telecmi.com:8443", True),
    ("10.1.2.3", "https://10.1.2.3", True),
    ("10.0.0.0/8", "https://10.1.2.3", True),
    ("fd00::1", "https://[fd00::1]", True),
    ("[fd00::1]", "https://[fd00::1]", True),
    ("fd00::/8", "https://[fd00::1]", True),
    ("", TELECMI, False),
    ("com.telecmi", TELECMI, False),
    ("cmi.com", TELECMI, False),
    ("www.rest.telecmi.com", TELECMI, False),
    ("*.rest.telecmi.com", TELECMI, False),
    ("rest.telecmi.com:8443", TELECMI, False),
    ("rest.telecmi.com:443", "https://rest.telecmi.com:8443", False),
    ("10.1.2.3", "https://10.1.2.30", False),
    ("10.0.0.0/8", "https://11.1.2.3", False),
    ("10.0.0.0/8", TELECMI, False),
]


@pytest.mark.parametrize(("no_proxy", "url", "bypassed"), _SAME)
def test_no_proxy_is_read_as_httpx2_reads_it(
    *, no_proxy: str, url: str, bypassed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (proxy_url(url) is None) is bypassed
    assert httpx2_uses_a_proxy(url) is not bypassed


@pytest.mark.parametrize(
    ("no_proxy", "url", "bypassed"),
    [
        (".rest.telecmi.com", TELECMI, True),  # as for curl and Python's urllib; httpx2 excepts only names below it
        ("rest.telecmi.com:443", TELECMI, True),  # as for curl; httpx2 does not know that 443 is the port of https
    ],
)
def test_no_proxy_is_read_as_curl_reads_it_where_httpx2_differs(
    *, no_proxy: str, url: str, bypassed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (proxy_url(url) is None) is bypassed
    assert httpx2_uses_a_proxy(url) is bypassed


def test_a_host_below_a_wildcard_of_no_proxy_bypasses_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "*.telecmi.com")  # httpx2 reads it in this way since a version after 2.16.0
    assert proxy_url(TELECMI) is None


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"])
def test_a_request_to_this_machine_uses_no_proxy(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", PROXY)
    assert proxy_url(url) is None


def httpx2_uses_a_proxy(url: str) -> bool:
    """Return whether a client of httpx2 chooses another transport for the URL than its own."""
    client = httpx2.Client()
    return client._transport_for_url(httpx2.URL(url)) is not client._transport


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this computer trusts."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def serving(authority: trustme.CA) -> SSLContext:
    context = SSLContext(PROTOCOL_TLS_SERVER)
    authority.issue_cert("telecmi.invalid").configure_cert(context)
    return context


async def post(channel: Channel) -> bytes:
    with anyio.fail_after(30):
        answer = await channel.post("/v3/contact/get", {"token": "ann"}, timeout_s=20)
    return answer.body


@pytest.mark.parametrize("trick", ["nothing", "the answer and another's", "another's before the next request"])
async def test_a_socks_proxy_is_used_and_its_connections_are_guarded(
    trick: str, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = HostileTelecmi(TRICKS[trick], tls=serving(authority), socks=(_NO_AUTH, _CONNECTED))
    async with hostile.listening() as telecmi:
        monkeypatch.setenv("ALL_PROXY", telecmi.url.replace("http:", "socks5:"))
        channel = Channel("https://telecmi.invalid")
        for _ in range(3):
            assert b"ann" in await post(channel)
            await telecmi.settled()
        await channel.aclose()
        assert b"telecmi.invalid" in telecmi.handshake[1], "the proxy resolves the name"
    assert len(telecmi.tokens_of) == (1 if trick == "nothing" else 3)


async def test_a_socks_proxy_gets_its_password_and_leads_to_http_too(monkeypatch: pytest.MonkeyPatch) -> None:
    socks = (b"\x05\x02", b"\x01\x00", _CONNECTED)
    async with HostileTelecmi(TRICKS["nothing"], socks=socks).listening() as telecmi:
        monkeypatch.setenv("ALL_PROXY", f"socks5://someone:secret@127.0.0.1:{telecmi.port}")
        channel = Channel("http://telecmi.invalid")
        assert b"ann" in await post(channel)
        await channel.aclose()
        assert b"someone" in telecmi.handshake[1]


@pytest.mark.parametrize(
    "socks",
    [(b"\x05\xff",), (_NO_AUTH, _REFUSED), (b"HTTP/1.1 400 Bad Request\r\n\r\n",), (_NO_AUTH, _CONNECTED + b"\r\n")],
    ids=["no method", "refused", "no SOCKS", "bytes after the reply"],
)
async def test_a_socks_proxy_that_refuses_is_named_and_its_connections_are_closed(
    socks: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with HostileTelecmi(TRICKS["nothing"], socks=socks).listening() as telecmi:
        monkeypatch.setenv("ALL_PROXY", telecmi.url.replace("http:", "socks5:"))
        channel = Channel("http://telecmi.invalid", connections=1)
        for _ in range(3):
            with pytest.raises(ProxyOrCertificate):
                await post(channel)
        await channel.aclose()


async def test_a_socks_proxy_without_socksio_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setattr("telecmi_mcp._api.transport.find_spec", lambda _: None)
    with pytest.raises(ProxyOrCertificate):
        await post(Channel("http://telecmi.invalid"))


@pytest.mark.usefixtures("authority")
async def test_a_pool_is_replaced_when_it_remembers_too_many_failed_tunnels(monkeypatch: pytest.MonkeyPatch) -> None:
    async def grant_and_hang_up(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await visit.reader.read(5)
        await visit.send(b"no TLS")
        await visit.until_gone()

    server = FaultServer((Play(grant_and_hang_up),))
    await server.listen()
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    monkeypatch.setattr("telecmi_mcp._api.http._MAX_POOL_ENTRIES", 3)
    channel = Channel("https://telecmi.invalid")
    pools = set()
    for _ in range(12):
        with pytest.raises(InsecureConnection):
            await post(channel)
        pool = channel._pool
        assert pool is not None
        assert len(pool.connections) <= 4
        pools.add(pool)
    assert len(pools) == 3
    await channel.aclose()
    await server.close()
