"""A relay in memory: a client that writes messages, and a team server that is a function."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
from pydantic import SecretStr

from telecmi_mcp._connect.endpoint import parse_endpoint
from telecmi_mcp._connect.fallback import Fallback
from telecmi_mcp._connect.relay import Message, Relay
from telecmi_mcp._connect.team_server import TeamServer
from telecmi_mcp._stdio.framing import read_message, write_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from telecmi_mcp._stdio.transport import Envelope

    Answers = Callable[[httpx2.Request], Awaitable[httpx2.Response] | httpx2.Response]

URL = "https://mcp.example.com/mcp"
KEY = "tmk_canary+singing/in=the.mine-7Qx2"


class Client:
    """Sends messages to the relay and receives its own."""

    def __init__(
        self, sending: MemoryObjectSendStream[Message | Exception], receiving: MemoryObjectReceiveStream[Envelope]
    ) -> None:
        self.sending = sending
        self._receiving = receiving

    async def send(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            await self.sending.send(Message(read_message(json.dumps(message).encode())))

    async def receive(self) -> dict[str, Any]:
        message = json.loads(write_message((await self._receiving.receive()).message))
        assert isinstance(message, dict)
        return message

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        await self.send(message)
        answer = await self.receive()
        assert answer["id"] == message["id"]
        return answer

    def heard(self) -> list[Envelope]:
        """Messages that wait to be received."""
        waiting: list[Envelope] = []
        while True:
            try:
                waiting.append(self._receiving.receive_nowait())
            except anyio.WouldBlock:
                return waiting


class Seen:
    """Requests that the team server got."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]

    @property
    def methods(self) -> list[str]:
        return [body["method"] for body in self.bodies]


async def read_key() -> SecretStr:
    return SecretStr(KEY)


async def read_no_key() -> None:
    return None


@asynccontextmanager
async def relayed(
    answer: Answers, *, key: Callable[[], Awaitable[SecretStr | None]] = read_key, url: str = URL
) -> AsyncIterator[tuple[Client, Seen]]:
    """Relay between a client and a function that answers HTTP requests."""
    seen = Seen()

    async def handle(request: httpx2.Request) -> httpx2.Response:
        seen.requests.append(request)
        response = answer(request)
        return response if isinstance(response, httpx2.Response) else await response

    server = TeamServer(parse_endpoint(url), key, transport=httpx2.MockTransport(handle))
    async with relaying(server) as client:
        yield client, seen


@asynccontextmanager
async def relaying(server: TeamServer, fallback: Fallback | None = None) -> AsyncIterator[Client]:
    """Relay between a client and a server."""
    to_relay, from_client = anyio.create_memory_object_stream[Message | Exception](0)
    to_client, from_relay = anyio.create_memory_object_stream["Envelope"](1000)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Relay(server, fallback or Fallback(), timeout_s=30).serve, from_client, to_client)
            with to_relay, from_relay:
                yield Client(to_relay, from_relay)
                tasks.cancel_scope.cancel()
        await server.aclose()


def result(request: httpx2.Request, **members: Any) -> httpx2.Response:
    """Answer a request with a result in JSON."""
    return httpx2.Response(200, json={"jsonrpc": "2.0", "id": json.loads(request.content)["id"], "result": members})


def events(*messages: object) -> httpx2.Response:
    """Answer with an event stream."""
    lines = [f"event: message\r\ndata: {json.dumps(message)}\r\n\r\n" for message in messages]
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content="".join(lines).encode())


def id_of(request: httpx2.Request) -> str:
    """The id under which a request came."""
    request_id = json.loads(request.content)["id"]
    assert isinstance(request_id, str)
    return request_id
