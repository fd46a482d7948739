"""Reads the answer to one request from an HTTP response, within a bound, and drops every other message in it."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, cast

import anyio
import httpx2
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse, jsonrpc_message_adapter
from pydantic import ValidationError

from telecmi_mcp.errors import NotTeamServer, TeamAnswerUnusable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
    from typing import Any

    from mcp_types import JSONRPCMessage

    Answer = JSONRPCResponse | JSONRPCError
    OnProgress = Callable[[Mapping[str, Any]], Awaitable[None]]

_log = logging.getLogger(__name__)

MAX_RESPONSE_BYTES: Final = 8 * 1024 * 1024
"""Maximum size of a response; the longest answer of a tool has some hundred KB."""

_MAX_JSON_VALUES = 250_000  # each takes up to 100 bytes of memory, and one byte of a response
_END_TIMEOUT_S = 0.05
_MAX_LENGTH_DIGITS = 19
_NOT_MCP = "it was a web page, or not MCP"


class ResponseReader:
    """Reads the answer to one request.

    Args:
        request_id: Id of the request, which no other request ever has.
        progress_token: Token of the notifications that the client asked for; ``None`` if it did not.
        on_progress: Gets the params of each progress notification.
    """

    def __init__(self, request_id: str, progress_token: str | int | None, on_progress: OnProgress) -> None:
        self._request_id = request_id
        self._progress_token = progress_token
        self._on_progress = on_progress
        self._dropped: set[str] = set()

    async def read(self, response: httpx2.Response) -> Answer:
        """Return the answer.

        Raises:
            TeamServerError: The response does not hold it.
        """
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise TeamAnswerUnusable(detail="a content coding that was not accepted")
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        bounded = _bounded(response)
        if media_type == "text/event-stream":
            answer = await self._read_events(bounded)
        elif media_type == "application/json":
            answer = await self._read_json(bounded)
        else:
            raise NotTeamServer(fact=_NOT_MCP, detail=f"status {response.status_code}")
        _refuse_questions(answer)
        return answer

    async def _read_json(self, response: httpx2.Response) -> Answer:
        body = b"".join([piece async for piece in response.aiter_raw()])
        answer = await self._accept(body)
        if answer is None and response.is_error:
            raise NotTeamServer(fact=_NOT_MCP, detail=f"status {response.status_code}")
        if answer is None:
            raise TeamAnswerUnusable
        return answer

    async def _read_events(self, response: httpx2.Response) -> Answer:
        source = aiter(httpx2.EventSource(response, max_event_size=MAX_RESPONSE_BYTES))
        async with aclosing(cast("AsyncGenerator[httpx2.ServerSentEvent]", source)) as events:
            async for event in events:
                answer = await self._accept(event.data.encode(errors="replace")) if event.data else None
                if answer is not None:
                    # At its end the connection can be used again; a stream that goes on is closed.
                    with anyio.move_on_after(_END_TIMEOUT_S):
                        await anext(events, None)
                    return answer
        raise TeamAnswerUnusable(fact="its response ended without an answer")

    async def _accept(self, data: bytes) -> Answer | None:
        """Return the message if it is the answer; pass progress on, and drop every other message."""
        message = _parse(data)
        if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id == self._request_id:
            return message
        if isinstance(message, JSONRPCNotification) and self._is_progress(message):
            await self._on_progress(message.params or {})
        else:
            self._note_dropped(message)
        return None

    def _is_progress(self, message: JSONRPCNotification) -> bool:
        params = message.params or {}
        token, progress = params.get("progressToken"), params.get("progress")
        is_asked_for = self._progress_token is not None and _is_same(token, self._progress_token)
        is_number = isinstance(progress, int | float) and not isinstance(progress, bool)
        return message.method == "notifications/progress" and is_asked_for and is_number

    def _note_dropped(self, message: JSONRPCMessage | None) -> None:
        kind = "text that is no message" if message is None else _KINDS[type(message)]
        if kind not in self._dropped:  # once for each response, which may hold very many
            self._dropped.add(kind)
            _log.warning("dropped %s of the team server", kind)


_KINDS: Final = {
    JSONRPCRequest: "a request",
    JSONRPCNotification: "a notification",
    JSONRPCResponse: "an answer to another request",
    JSONRPCError: "an answer to another request",
}


def _parse(data: bytes) -> JSONRPCMessage | None:
    if len(data) > _MAX_JSON_VALUES and sum(map(data.count, (b"{", b"[", b","))) > _MAX_JSON_VALUES:
        raise TeamAnswerUnusable(fact="its response was too large")
    try:
        return jsonrpc_message_adapter.validate_json(data, by_name=False)
    except ValidationError:
        return None


def _is_same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _refuse_questions(answer: Answer) -> None:
    """Refuse a result that asks the client for input (2026-07-28): sampling, elicitation or roots."""
    if isinstance(answer, JSONRPCResponse) and answer.result.get("resultType", "complete") != "complete":
        raise TeamAnswerUnusable(fact="it asked for input of the client, which is not passed on")


def _bounded(response: httpx2.Response) -> httpx2.Response:
    """Return the response with a stream that ends with an error above the bound."""
    length = response.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > _MAX_LENGTH_DIGITS or int(length) > MAX_RESPONSE_BYTES):
        raise TeamAnswerUnusable(fact="its response was too large")
    return httpx2.Response(
        response.status_code,
        headers=response.headers,
        stream=_BoundedStream(cast("httpx2.AsyncByteStream", response.stream)),  # of an asynchronous transport
        request=httpx2.Request("POST", ""),  # EventSource requires one, and the real one holds the key
    )


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for piece in self._stream:
            received += len(piece)
            if received > MAX_RESPONSE_BYTES:
                raise TeamAnswerUnusable(fact="its response was too large")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
