"""Run a command against the server on loopback HTTP: for judges that do not speak stdio.

The word URL in the command becomes the server's address, and its exit code is the command's. Behind the
server is the sandbox.
"""  # noqa: INP001 - a program, not part of a package

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import anyio
import uvicorn
from httpx2 import ASGITransport
from pydantic import SecretStr

from telecmi_mcp import Settings, create_server, open_app
from telecmi_mcp.sandbox import SANDBOX_TOKEN, create_sandbox

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from telecmi_mcp import App


def open_sandbox() -> AbstractAsyncContextManager[App]:
    """Open what the tools work with; without the limit on calls, which would hide all else."""
    settings = Settings(token=SecretStr(SANDBOX_TOKEN), base_url="http://localhost", rate_limit=0)
    return open_app(settings, transport=ASGITransport(app=create_sandbox()))


async def run_against_server(command: list[str]) -> int:
    """Return the command's exit code."""
    listener = socket.create_server(("127.0.0.1", 0))  # who connects early waits in its queue
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    app = create_server(open_sandbox).streamable_http_app()
    web = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(web.serve, [listener])
        words = [address if word == "URL" else word for word in command]
        process = await anyio.run_process(words, check=False, stdin=None, stdout=None, stderr=None)
        web.should_exit = True
    return process.returncode


if __name__ == "__main__":
    sys.exit(anyio.run(run_against_server, sys.argv[1:]))
