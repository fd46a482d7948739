"""Serves a sandbox on loopback to other processes, and holds its pages back on request."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import anyio

from sandbox_calls import send
from telecmi_mcp.sandbox import create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from telecmi_mcp.sandbox import Sandbox

CONTACTS = make_contacts(650)


class PagedTelecmi:
    """A pretend TeleCMI that holds back the pages after the first ``free_pages``.

    Attributes:
        cursors: The cursor of each page that was asked for.
        is_holding: Set while a page is held back.
        release: Set it to send all pages.
        address: The base URL.
    """

    def __init__(self, contacts: Sequence[Mapping[str, object]], free_pages: int) -> None:
        self.sandbox = create_sandbox(contacts=contacts)
        self.cursors: list[str | None] = []
        self.is_holding, self.release = threading.Event(), threading.Event()
        self.address = ""
        self._free_pages = free_pages

    def answer(self, body: bytes) -> bytes:
        """Return the answer to one request, after the hold."""
        fields: dict[str, Any] = json.loads(body)
        if "limit" in fields:
            self.cursors.append(fields.get("page_state"))
            if len(self.cursors) > self._free_pages:
                self.is_holding.set()
                self.release.wait(30)
        return anyio.run(_ask, self.sandbox, body)


async def _ask(sandbox: Sandbox, body: bytes) -> bytes:
    return (await send(sandbox, "/v3/contact/get", content=body)).content


@contextmanager
def served_pages(contacts: Sequence[Mapping[str, object]] = CONTACTS, *, free_pages: int = 3) -> Iterator[PagedTelecmi]:
    """Serve the contacts until the context ends."""
    pages = PagedTelecmi(contacts, free_pages)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = pages.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                self.close_connection = True  # the client process was killed: the tests do that

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    pages.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield pages
    finally:
        pages.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
