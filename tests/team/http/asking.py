"""The whole app in this process, over the sandbox, and POST requests of all kinds to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from httpx2 import ASGITransport, AsyncClient

from conftest import SIGNED_IN
from e2e.lines import MODERN
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.http.asgi import build_app
from telecmi_mcp.sandbox import create_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from httpx2 import Response

JSON = "application/json"
EVENTS = "text/event-stream"
LEGACY = "2025-11-25"
NEWEST = "2026-07-28"
VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", LEGACY, NEWEST]
LISTING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@asynccontextmanager
async def opened_client(settings: TeamSettings | None = None, *, root_path: str = "") -> AsyncIterator[AsyncClient]:
    """Run the app, by default for anyone on this machine."""
    app = build_app(settings or TeamSettings(common=SIGNED_IN), transport=ASGITransport(create_sandbox()))
    transport = ASGITransport(app, root_path=root_path)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=transport, base_url="http://localhost:8000") as client,
    ):
        yield client


def headers_of(version: str | None, message: Mapping[str, Any] | None = None, **changes: str | None) -> dict[str, str]:
    """The headers that a client of this version sends with a message; ``None`` as a change leaves one out."""
    headers: dict[str, str | None] = {"content-type": JSON, "accept": f"{JSON}, {EVENTS}"}
    headers["mcp-protocol-version"] = version
    if version == NEWEST and message is not None:
        headers["mcp-method"] = message["method"]
        params = message.get("params") or {}
        headers["mcp-name"] = params.get("name", params.get("uri"))
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in headers.items() if value is not None}


def request(method: str, version: str | None = LEGACY, *, request_id: Any = 1, **params: Any) -> dict[str, Any]:
    """A request as a client of this version writes it."""
    envelope = deepcopy(MODERN) if version == NEWEST else {}
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": {**params, **envelope}}


async def post(
    client: AsyncClient, content: bytes | Mapping[str, Any], headers: Mapping[str, str] | Sequence[tuple[str, str]]
) -> Response:
    """Send a body with exactly these headers, and those that HTTP needs."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    asked = client.build_request("POST", "/mcp", content=body)
    needed = [(name, asked.headers[name]) for name in ("host", "content-length")]
    given = headers.items() if isinstance(headers, Mapping) else headers
    return await client.send(client.build_request("POST", "/mcp", content=body, headers=[*needed, *given]))


def error_in(answer: Response) -> tuple[int, int, str]:
    """The status, the code and the sentence of a refusal, whose body is in JSON and whose sentence is ours."""
    assert answer.headers["content-type"] == JSON
    error = answer.json()["error"]
    assert len(error["message"]) <= 200
    for word in ("pydantic", "validation error", "input_value", "Traceback"):
        assert word not in answer.text
    return answer.status_code, error["code"], error["message"]


def result_in(answer: Response) -> dict[str, Any]:
    """The result of an answer of either type."""
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"] == JSON:
        message = answer.json()
    else:
        assert answer.headers["content-type"] == EVENTS
        (data,) = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
        message = json.loads(data)
    result: dict[str, Any] = message["result"]
    return result
