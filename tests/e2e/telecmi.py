"""A TeleCMI on loopback whose user, password and tokens a test chooses, for real processes to sign in to."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

JOHN = {"contact_id": "d3b07384-d113-4ec5-a5ae-be81d6e3c239", "first_name": "John"}


class Telecmi:
    """What it takes and gives, and what it was sent."""

    def __init__(self, user_id: str, password: str, tokens: list[str]) -> None:
        self.user_id, self.password = user_id, password
        self.tokens = tokens
        self.login_answer: tuple[int, bytes] | None = None
        self.valid = ""
        self.contact: dict[str, str] = {}
        self.passwords: list[str] = []
        self.url = ""

    def answer(self, path: str, sent: dict[str, Any]) -> tuple[int, bytes]:
        """The status and body for one request; whatever is refused is echoed."""
        if path.endswith("login"):
            self.passwords.append(sent["password"])
            return self.login_answer or self._login(sent)
        if sent["token"] != self.valid:
            return 200, json.dumps({"code": 404, "error": True, "msg": f"no user for {sent['token']}"}).encode()
        contact = {**JOHN, "company": f"knows {sent['token']}", **self.contact}
        return 200, json.dumps({"code": 200, "contacts": [contact], "count": 1}).encode()

    def _login(self, sent: dict[str, Any]) -> tuple[int, bytes]:
        if (sent["id"], sent["password"]) != (self.user_id, self.password):
            return 200, json.dumps({"code": 404, "error": True, "msg": f"wrong: {sent}"}).encode()
        self.valid = self.tokens.pop(0)
        agent = {"id": sent["id"], "name": f"Jo {self.valid} {sent['password']}"}
        return 200, json.dumps({"code": 200, "token": self.valid, "agent": agent}).encode()


@contextmanager
def opened_telecmi(user_id: str, password: str, *tokens: str) -> Iterator[Telecmi]:
    """Serve it on loopback."""
    telecmi = Telecmi(user_id, password, list(tokens))

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = telecmi.answer(self.path, sent)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Desk) as server:
        telecmi.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield telecmi
        finally:
            server.shutdown()
            thread.join()
