"""Runs the real server over the book: ``telecmi-mcp serve`` as a process that reads from a sandbox on loopback."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
from contextlib import asynccontextmanager, contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import uvicorn
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

from evals.book import make_book
from evals.scorer import Call
from telecmi_mcp.sandbox import SANDBOX_TOKEN, create_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from mcp_types import CallToolResult, Tool

_NOBODY = "Zacharias Quellmalz"
"""A search for somebody who is not there waits until all contacts are read, so that later answers are complete."""
SERVER = (sys.executable, "-m", "telecmi_mcp", "serve")


class Session:
    """A running server, and a client in front of it.

    Attributes:
        tools: The tools of ``tools/list``, by their names.
        instructions: The instructions of the server.
    """

    def __init__(self, client: Client, tools: Sequence[Tool]) -> None:
        self._client = client
        self.tools = {tool.name: tool for tool in tools}
        self.instructions = client.instructions or ""

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Call:
        """Call a tool; an error of the protocol is an answer too."""
        try:
            result = await self._client.call_tool(tool, dict(arguments))
        except MCPError as error:
            return Call(tool, arguments, error.message, is_error=True)
        return Call(tool, arguments, _text_of(result), is_error=bool(result.is_error))


@asynccontextmanager
async def open_session() -> AsyncIterator[Session]:
    """Start the sandbox and the server, and end both."""
    with serving_book() as environment:
        server = StdioServerParameters(command=SERVER[0], args=list(SERVER[1:]), env=environment)
        async with Client(stdio_client(server)) as client:
            session = Session(client, (await client.list_tools()).tools)
            await session.call("search_contacts", {"query": _NOBODY})
            yield session


@contextmanager
def serving_book() -> Iterator[dict[str, str]]:
    """Serve the book on loopback, and yield the environment of a server that reads it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, TemporaryDirectory() as folder:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the body waits 40 ms after its head
        config = uvicorn.Config(create_sandbox(contacts=make_book()), log_level="warning", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield _environment(f"http://127.0.0.1:{listener.getsockname()[1]}", folder)
        finally:
            server.should_exit = True
            thread.join()


def _environment(address: str, folder: str) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("TELECMI_")}
    settings = {
        "TELECMI_BASE_URL": address,
        "TELECMI_TOKEN": SANDBOX_TOKEN,
        "TELECMI_RATE_LIMIT": "0",
        "TELECMI_EXPORT_FOLDER": os.path.realpath(folder),
    }
    return {**outside, **settings}


def _shown_uri(part: object) -> str:
    """Return the URI of a file without the folder of this machine."""
    return re.sub("^file:.*/", "file:///exports/", str(getattr(part, "uri", "")))


def _text_of(result: CallToolResult) -> str:
    parts = [part.text if part.type == "text" else _shown_uri(part) for part in result.content]
    return "\n".join(parts)
