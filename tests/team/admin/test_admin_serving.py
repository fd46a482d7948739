"""The administrators' listener beside a real server: what it shows of calls, where it is, and how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from threading import Timer
from typing import TYPE_CHECKING

import pytest
from httpx2 import AsyncClient
from prometheus_client.parser import text_string_to_metric_families

from e2e.lines import MODERN, PATIENCE, environment, request
from team.admin.statuses import HOSTILE, full_status
from team.serving import JSON, message, served
from telecmi_mcp import create_app
from telecmi_mcp._team.admin.page import render
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from team.serving import Served

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGES = ("--admin-http", "127.0.0.1:0")
CLIENT = "<script>alert('client')</script>{{ 12345*6789 }}\u202e"


def address_of(server: Served) -> str:
    """Return the address of the second listener, which the next line of the process tells."""
    assert server.process.stdout is not None
    giving_up = Timer(PATIENCE, server.process.kill)
    giving_up.start()
    line = server.process.stdout.readline()
    giving_up.cancel()
    found = re.fullmatch(r"telecmi-mcp: for administrators: (http://127\.0\.0\.1:\d+)/status\n", line)
    assert found, line
    return found[1]


def hostile_call() -> tuple[dict[str, str], bytes]:
    """Return a call of a client with a hostile name, for a contact that is not there."""
    meta = {**MODERN["_meta"], "io.modelcontextprotocol/clientInfo": {"name": CLIENT, "version": CLIENT}}
    params = {"name": "get_contact", "arguments": {"contact_id": "00000000-0000-4000-8000-000000000000"}, "_meta": meta}
    headers = {
        **JSON,
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "get_contact",
        "user-agent": "<b>client</b>",
    }
    return headers, json.dumps(request(1, "tools/call", **params)).encode()


async def test_calls_are_on_both_pages_and_nothing_of_contacts_or_clients() -> None:
    with served("--sandbox", *PAGES) as server:
        pages = address_of(server)
        async with AsyncClient(timeout=PATIENCE) as http:
            headers, body = message("legacy", "tools/call", name="search_contacts", arguments={"query": "priya"})
            found = await http.post(server.url, headers=headers, content=body)
            headers, body = hostile_call()
            refused = await http.post(server.url, headers=headers, content=body)
            metrics = (await http.get(f"{pages}/metrics")).text
            status = await http.get(f"{pages}/status")
            head = await http.head(f"{pages}/status")
            elsewhere = [
                (await http.get(server.url.replace("/mcp", path))).status_code for path in ("/metrics", "/status")
            ]
            here = (await http.post(f"{pages}/mcp", headers=headers, content=body)).status_code
    assert "isError" in refused.text
    assert (elsewhere, here) == ([404, 404], 404)
    assert (head.status_code, head.content) == (200, b"")
    calls = {family.name: family for family in text_string_to_metric_families(metrics)}["telecmi_mcp_calls"]
    assert [(each.labels["tool"], each.labels["outcome"], each.value) for each in calls.samples] == [
        ("search_contacts", "ok", 1),
        ("get_contact", "not_found", 1),
    ]
    page = status.text
    assert re.search(r"Calls, last hour</span><b>2</b>\s*<span class=\"bad\">1 with an error", page)
    assert "<code>not_found</code>: 1 call " in page
    assert "anyone on this machine" in page
    assert re.search(r'data-name="contacts">\d+</td>\s*<td data-name="TeleCMI counts">150<', page)
    contacts = set(re.findall(r'"(?:contact_id|phone_no|email_id|first_name)\W+(\w[^"\\]{4,})', found.text))
    assert contacts
    for secret in (*contacts, "alert", "client", str(12_345 * 6_789)):
        assert secret not in page.split("</style>")[1]
        assert secret not in re.sub(r"^# .*|[\d.e+]+$", "", metrics, flags=re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_with_the_server_also_while_a_client_keeps_a_connection(number: signal.Signals) -> None:
    with served("--sandbox", *PAGES) as server:
        pages = address_of(server)
        port = int(pages.rpartition(":")[2])
        async with AsyncClient(timeout=PATIENCE) as http:
            assert (await http.get(f"{pages}/status")).status_code == 200
            with socket.create_connection(("127.0.0.1", port)) as silent:
                silent.sendall(b"GET /status HTTP/1.1\r\n")
                code, said = server.stop(number)
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            pass
    assert (code, said) == (130 if number == signal.SIGINT else 0, "")


def start(*flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start a server that cannot start."""
    words = [sys.executable, "-m", "telecmi_mcp", "serve", "--sandbox", "--http", "127.0.0.1:0", *flags]
    env = environment(**variables)
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False, env=env)


def test_a_port_in_use_is_called_that_and_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = start("--admin-http", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "telecmi-mcp: Stop the other program, or set TELECMI_ADMIN_HTTP (--admin-http) to another port: "
        "another program uses this port.\n"
    )


def test_an_address_that_others_reach_does_not_start_without_a_key() -> None:
    done = start("--admin-http", "0.0.0.0:0")
    assert done.returncode == 2
    assert done.stderr.startswith("telecmi-mcp: Set TELECMI_ADMIN_KEY_FILE: ")


def test_another_asgi_server_opens_no_second_listener_and_says_so() -> None:
    with pytest.raises(ConfigurationError, match="Unset TELECMI_ADMIN_HTTP, or run telecmi-mcp serve --http"):
        create_app({"TELECMI_ADMIN_HTTP": "127.0.0.1:9464"})


def test_a_server_without_the_pages_does_not_load_what_they_need() -> None:
    program = (
        "import sys, telecmi_mcp; telecmi_mcp.create_app({}); import telecmi_mcp._team.http.serve; "
        "assert not {'jinja2', 'prometheus_client'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=environment(), timeout=PATIENCE)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_a_real_browser_shows_the_page_with_its_style_and_runs_nothing(tmp_path: Path) -> None:
    assert BROWSER is not None
    flags = ["--headless", "--disable-gpu", "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}"]
    flags += ["--no-sandbox"] if os.geteuid() == 0 else []
    with served("--sandbox", *PAGES) as server:
        words = [BROWSER, *flags, "--dump-dom", f"{address_of(server)}/status"]
        shown = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert "Calls to this replica" in shown.stdout
    assert "Content Security Policy" not in shown.stderr  # which it would tell of a style that it does not apply
    # Without the policy, so that escaping alone has to hold: a script would change the title.
    script = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
    (tmp_path / "page.html").write_text(render(full_status(script, *HOSTILE)), encoding="utf8")
    words = [BROWSER, *flags, "--dump-dom", (tmp_path / "page.html").as_uri()]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert "<title>telecmi-mcp: status</title>" in shown.stdout
