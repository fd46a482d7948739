"""WireMock's faults as a second opinion: what somebody else's server calls a fault.

It needs Java and WireMock: ``npm install --prefix DIRECTORY wiremock@3.13.2``, then
``TELECMI_TEST_NODE_MODULES=DIRECTORY/node_modules``.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
import pytest_asyncio

from faults.fault import PAGE
from faults.plays import TOKEN, page
from faults.stage import chain, client_of, words_of
from telecmi_mcp import errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_NODE_MODULES = os.environ.get("TELECMI_TEST_NODE_MODULES", "")
_JAR = "wiremock/build/wiremock-standalone-3.13.2.jar"
_ENDLESS = 120

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _NODE_MODULES, reason="TELECMI_TEST_NODE_MODULES names no folder with WireMock"),
    pytest.mark.asyncio(loop_scope="module"),
]


@dataclass(frozen=True, slots=True)
class Stub:
    """What WireMock answers with, and what must come of it."""

    name: str
    answer: dict[str, Any]
    outcome: errors.TelecmiError | None
    tries: int


_BODY = page().decode()
_STUBS = (
    Stub("good", {"body": _BODY}, None, 1),
    Stub("empty", {"fault": "EMPTY_RESPONSE"}, errors.ConnectionInterrupted(), 3),
    Stub("malformed-chunk", {"fault": "MALFORMED_RESPONSE_CHUNK"}, errors.ConnectionInterrupted(), 3),
    Stub("random-data", {"fault": "RANDOM_DATA_THEN_CLOSE"}, errors.NotHttp(), 1),
    Stub("reset", {"fault": "CONNECTION_RESET_BY_PEER"}, errors.ConnectionInterrupted(), 3),
    Stub("delay", {"body": _BODY, "fixedDelayMilliseconds": 300}, None, 1),
    Stub("delay-too-long", {"body": _BODY, "fixedDelayMilliseconds": 10_000}, errors.DeadlineExceeded(2), 2),
    Stub(
        "dribble",
        {"body": _BODY, "chunkedDribbleDelay": {"numberOfChunks": 5, "totalDuration": 500}},
        None,
        1,
    ),
    Stub(
        "dribble-too-long",
        {"body": _BODY, "chunkedDribbleDelay": {"numberOfChunks": 200, "totalDuration": 20_000}},
        errors.DeadlineExceeded(2),
        1,
    ),
    Stub("unavailable", {"status": 503, "body": "<html>"}, errors.Unavailable(), 3),
    Stub("redirect", {"status": 302, "headers": {"Location": "/elsewhere"}}, errors.UnexpectedRedirect(), 1),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def wiremock(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a running WireMock."""
    process = await asyncio.create_subprocess_exec(
        "java",
        "-jar",
        str(Path(_NODE_MODULES) / _JAR),
        "--bind-address=127.0.0.1",
        "--port=0",
        f"--root-dir={tmp_path_factory.mktemp('wiremock')}",
        "--disable-banner",
        "--disable-gzip",  # it would swallow what dribbles
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{await _port(process)}"
    finally:
        process.kill()
        await process.communicate()


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    with anyio.fail_after(_ENDLESS):
        async for line in process.stdout:
            name, _, value = line.decode().partition(":")
            if name == "port":
                return int(value)
    pytest.fail("WireMock did not start")


@pytest.mark.parametrize("stub", _STUBS, ids=[stub.name for stub in _STUBS])
async def test_wiremock_and_the_table_agree(stub: Stub, wiremock: str) -> None:
    await _prepare(wiremock, stub.answer)
    client = client_of(wiremock, [], timeout=2)
    try:
        with anyio.fail_after(_ENDLESS):
            await _call(client, stub)
            assert await _requests(wiremock) == stub.tries
            await _prepare(wiremock, {"body": _BODY})
            assert await client.list_contacts() == PAGE
    finally:
        await client.aclose()


async def _call(client: Any, stub: Stub) -> None:
    if stub.outcome is None:
        assert await client.list_contacts() == PAGE
        return
    with pytest.raises(errors.TelecmiError) as caught:
        await client.list_contacts()
    assert (type(caught.value), str(caught.value)) == (type(stub.outcome), str(stub.outcome))
    assert not [error for error in chain(caught.value) if TOKEN in words_of(error)]


async def _prepare(url: str, answer: dict[str, Any]) -> None:
    stub = {"request": {"method": "POST", "urlPath": "/v3/contact/get"}, "response": answer}
    async with httpx2.AsyncClient(trust_env=False, base_url=url) as admin:
        await admin.post("/__admin/reset")
        created = await admin.post("/__admin/mappings", content=json.dumps(stub))
        assert created.status_code == 201, created.text


async def _requests(url: str) -> int:
    async with httpx2.AsyncClient(trust_env=False, base_url=url) as admin:
        found = await admin.post("/__admin/requests/count", content=json.dumps({"urlPath": "/v3/contact/get"}))
    count: int = found.json()["count"]
    return count
