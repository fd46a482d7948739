"""Measures the sync against the bare loop, with the same pages, server and latency.

    python benchmarks/mirror.py --contacts 5000 --latency 0.1

The server is a process of its own that answers each page after the latency. The bare loop uses httpx2 and json only.
The sync also checks, cleans, and writes into an index, in memory and on disk. The rounds alternate, and the result is
the ratio of the medians.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
from pydantic import SecretStr

from telecmi_mcp import TelecmiClient
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._index.sync import IndexSync
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp.sandbox import SANDBOX_TOKEN, create_sandbox, make_contacts

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_PAGE = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--contacts", type=int, default=5000)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds before each answer")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=_serve, args=(theirs, options.contacts, options.latency), daemon=True)
    server.start()
    try:
        anyio.run(_measure, ours.recv(), options)
    finally:
        server.terminate()
        server.join()


def _serve(pipe: Connection, count: int, latency: float) -> None:
    import uvicorn  # the server's process only

    sandbox = create_sandbox(contacts=make_contacts(count))

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await anyio.sleep(latency)
        await sandbox(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
    uvicorn.Server(uvicorn.Config(slow, log_level="warning", lifespan="off")).run(sockets=[listener])


async def _measure(address: str, options: argparse.Namespace) -> None:
    times: dict[str, list[float]] = {"bare loop": [], "sync in memory": [], "sync on disk": []}
    with tempfile.TemporaryDirectory() as folder:
        for each in range(options.rounds):
            times["bare loop"].append(await _bare(address, options.contacts))
            times["sync in memory"].append(await _with_indexes(address, options.contacts, None))
            times["sync on disk"].append(await _with_indexes(address, options.contacts, Path(folder) / f"{each}.db"))
    bare = statistics.median(times["bare loop"])
    sys.stdout.write(f"{options.contacts:,} contacts, {options.latency * 1000:g} ms a page, {options.rounds} rounds\n")
    for name, taken in times.items():
        middle = statistics.median(taken)
        sys.stdout.write(f"{name:<18} {middle:6.2f} s  {middle / bare:5.3f}\n")


async def _bare(address: str, count: int) -> float:
    started_at, read = time.perf_counter(), 0
    async with httpx2.AsyncClient(timeout=30, trust_env=False) as client:
        body: dict[str, Any] = {"token": SANDBOX_TOKEN, "limit": _PAGE}
        while True:
            answer = json.loads((await client.post(f"{address}/v3/contact/get", json=body)).content)
            read += len(answer["contacts"])
            if not answer.get("page_state"):
                break
            body["page_state"] = answer["page_state"]
    _expect(read, count)
    return time.perf_counter() - started_at


async def _with_indexes(address: str, count: int, path: Path | None) -> float:
    client = TelecmiClient(Channel(address), FixedToken(SecretStr(SANDBOX_TOKEN)))
    with Index(path) as index:
        started_at = time.perf_counter()
        sync = IndexSync(client, index, SyncState())
        async with anyio.create_task_group() as tasks:
            sync.start(tasks, max_age=900)
        taken = time.perf_counter() - started_at
        _expect(index.count(), count)
    await client.aclose()
    return taken


def _expect(read: int, count: int) -> None:
    if read != count:
        sys.exit(f"{read} contacts arrived, not {count}")


if __name__ == "__main__":
    main()
