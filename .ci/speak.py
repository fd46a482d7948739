"""Speak MCP to an installed server: ``python .ci/speak.py telecmi-mcp serve --sandbox``.

It needs nothing but Python, so that a fresh machine of any system can run it. The server must have the sandbox's
contacts, in its own process or on loopback. The exit code is 0 when the main job was done.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
PATIENCE = 120  # seconds: a first start may install


class Server:
    """A server process, asked one thing after the other."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - the command is what this is asked to try
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf8"
        )
        self._asked = 0

    def ask(self, method: str, **params: object) -> Any:
        """Send a request and return the result of its answer."""
        self._asked += 1
        self.send({"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params})
        line = self.process.stdout.readline()  # type: ignore[union-attr]  # it is a pipe
        if not line:
            sys.exit(f"speak.py: the server ended instead of answering {method}")
        answer = json.loads(line)
        if answer.get("id") != self._asked or "result" not in answer:
            sys.exit(f"speak.py: {method} was answered with {answer}")
        return answer["result"]

    def send(self, message: dict[str, object]) -> None:
        """Write one message."""
        self.process.stdin.write(json.dumps(message) + "\n")  # type: ignore[union-attr]  # it is a pipe
        self.process.stdin.flush()  # type: ignore[union-attr]  # it is a pipe

    def call(self, tool: str, **arguments: object) -> Any:
        """Call a tool and return the structured half of its answer."""
        return self.ask("tools/call", name=tool, arguments=arguments).get("structuredContent")


def speak(server: Server) -> list[str]:
    """Do the main job; return what was not as it should be."""
    server.ask(
        "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "speak", "version": "1"}
    )
    server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    listed = [tool["name"] for tool in server.ask("tools/list")["tools"]]
    found = server.call("search_contacts", query="John Doe")
    read = server.call("get_contact", contact_id=JOHN)
    ended = server.process.communicate(timeout=PATIENCE)[0], server.process.returncode
    checks = {
        "tools/list": {"search_contacts", "get_contact"} <= set(listed),
        "search_contacts": bool(found) and JOHN in [match["contact_id"] for match in found["matches"]],
        "get_contact": bool(read) and read["first_name"] == "John",
        "the end of input": ended == ("", 0),
    }
    return [name for name, fine in checks.items() if not fine]


def main(command: list[str]) -> int:
    """Start the command, speak to it, and say how that went."""
    server = Server(command)
    watch = threading.Timer(PATIENCE, server.process.kill)
    watch.start()
    try:
        wrong = speak(server)
    finally:
        watch.cancel()
        server.process.kill()
    print(
        f"not as it should be: {', '.join(wrong)}" if wrong else "the tools, a search and a contact: as they should be"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
