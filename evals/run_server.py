"""Answers the calls of one run on loopback, from one server that has read the book once: see ``evals.agent``.

It prints its port when it is ready. A request and its answer are one line of JSON each.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio.abc import SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream

from evals.agent import HOST
from evals.session import open_session

if TYPE_CHECKING:
    from anyio.abc import SocketStream

    from evals.session import Session

_IDLE_TIMEOUT_S: Final = 1800
_MAX_REQUEST_BYTES: Final = 1_000_000


async def serve() -> None:
    """Answer requests until one says stop, or none arrives for half an hour."""
    async with open_session() as session:
        listener = await anyio.create_tcp_listener(local_host=HOST)
        print(listener.listeners[0].extra(SocketAttribute.local_port), flush=True)  # noqa: S610 - no Django
        with anyio.move_on_after(_IDLE_TIMEOUT_S) as life:

            async def handle(connection: SocketStream) -> None:
                life.deadline = anyio.current_time() + _IDLE_TIMEOUT_S
                async with connection:
                    line = await BufferedByteReceiveStream(connection).receive_until(b"\n", _MAX_REQUEST_BYTES)
                    answer = await _answer(json.loads(line), session)
                    await connection.send(json.dumps(answer).encode() + b"\n")
                if answer == {}:
                    life.cancel()

            await listener.serve(handle)
        await listener.aclose()


async def _answer(request: dict[str, Any], session: Session) -> dict[str, Any]:
    """Answer a call or a request for what the server offers; an empty answer ends the server."""
    match request:
        case {"tool": tool, "arguments": arguments}:
            call = await session.call(tool, arguments)
            return {"text": call.text, "is_error": call.is_error}
        case {"offered": _}:
            tools = [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in session.tools.values()]
            return {"instructions": session.instructions, "tools": tools}
    return {}


if __name__ == "__main__":
    anyio.run(serve)
