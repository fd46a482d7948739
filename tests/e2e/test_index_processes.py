"""Processes that share an index on disk: the writer is killed in the middle of a pass, and nobody notices."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from e2e.lines import call, environment, started
from sandbox_calls import send
from telecmi_mcp.sandbox import SANDBOX_TOKEN, Sandbox, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and XDG folders")

CONTACTS = make_contacts(650)


class Pages:
    """A pretend TeleCMI on loopback that holds the pages after the third until it is let go."""

    def __init__(self) -> None:
        self.sandbox = create_sandbox(contacts=CONTACTS)
        self.cursors: list[str | None] = []
        self.holds, self.let_go = threading.Event(), threading.Event()
        self.address = ""

    def answer(self, body: bytes, fields: dict[str, Any]) -> bytes:
        """The answer to one request."""
        if "limit" in fields:
            self.cursors.append(fields.get("page_state"))
            if len(self.cursors) > 3:
                self.holds.set()
                self.let_go.wait(30)
        return anyio.run(_asked, self.sandbox, body)


async def _asked(sandbox: Sandbox, body: bytes) -> bytes:
    return (await send(sandbox, "/v3/contact/get", content=body)).content


@contextmanager
def served() -> Iterator[Pages]:
    """Serve it."""
    import json  # the handler's

    pages = Pages()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            content = pages.answer(body, json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                self.close_connection = True  # the process was killed: that is the test

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    pages.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield pages
    finally:
        pages.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.slow
async def test_a_killed_writer_is_succeeded_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    with served() as pages:
        env = environment(
            TELECMI_BASE_URL=pages.address,
            TELECMI_TOKEN=SANDBOX_TOKEN,
            TELECMI_INDEX="disk",
            TELECMI_TIMEOUT="20",
            XDG_CACHE_HOME=str(tmp_path),
            HOME=str(tmp_path),
        )
        question = {"query": "zzkqwx nobody"}
        async with (
            started("serve", env=env) as writer,
            started("serve", env=env) as waiting,
            started("serve", env=env) as reader,
        ):
            for server in (writer, waiting, reader):
                await server.shake_hands()
            await writer.send(call(1, "search_contacts", **question))
            assert await anyio.to_thread.run_sync(pages.holds.wait, 30)
            await waiting.send(call(1, "search_contacts", **question))
            found = (await reader.ask(call(1, "search_contacts", query=f"+{CONTACTS[41]['phone_no']}")))["result"]
            assert found["structuredContent"]["matches"][0]["first_name"] == "Priya"
            assert found["structuredContent"]["complete"] is False

            writer.process.send_signal(signal.SIGKILL)
            asked = len(pages.cursors)
            pages.let_go.set()
            answer = (await waiting.receive())["result"]["structuredContent"]
            assert (answer["complete"], answer["indexed"], answer["matches"]) == (True, 650, [])
            assert pages.cursors[asked] is not None
            # Seven pages: three were read, and of these the last may still have been on its way to the disk.
            assert len(pages.cursors) - asked in {4, 5}

            again = (await reader.ask(call(2, "search_contacts", **question)))["result"]["structuredContent"]
            assert (again["complete"], again["indexed"]) == (True, 650)
            assert await waiting.close() == 0
            assert await reader.close() == 0
            assert await waiting.errors() + await reader.errors() == ""
