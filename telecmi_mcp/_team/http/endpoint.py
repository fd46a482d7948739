"""Answers POST requests to the MCP endpoint: one message in, one answer out, in both generations, without sessions."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import anyio
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS, InboundLadderRejection
from starlette.datastructures import Headers
from starlette.responses import Response

from telecmi_mcp._team.http.dispatch import answer_request, context_of, run_notification
from telecmi_mcp._team.http.event_stream import EventStream
from telecmi_mcp._team.http.media_types import EVENT_STREAM, JSON, Acceptable, acceptable, is_utf_8_json
from telecmi_mcp._team.http.messages import InvalidMessage, Message, read_message
from telecmi_mcp._team.http.refusal import refusal
from telecmi_mcp._team.http.versions import choose_version, id_member, status_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mcp.server import Server
    from starlette.types import Receive, Scope, Send

    from telecmi_mcp._team.http.dispatch import Answer, PostContext

_NOT_ACCEPTABLE: Final = f"Accept {JSON} or {EVENT_STREAM}: this server has no other answers."
_NOT_JSON: Final = f"Send the body as {JSON}, in UTF-8 and uncompressed."
_NOT_RUNNING: Final = "Try again in a second: this server starts or stops."
_HAS_ONE_ANSWER = [(b"content-type", JSON.encode())]


class Endpoint:
    """ASGI app of the MCP endpoint for POST requests whose body comes as one piece.

    A request is answered in JSON, and with an event stream if the caller prefers that or asked for progress. The call
    of a caller who hangs up is cancelled.
    """

    def __init__(self, server: Server[Any]) -> None:
        self._server = server
        self._lifespan_state: object = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open what the server needs, and answer requests while the context lasts."""
        async with self._server.lifespan(self._server) as lifespan_state:
            self._lifespan_state = lifespan_state
            try:
                yield
            finally:
                self._lifespan_state = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one POST request."""
        body: bytes = (await receive()).get("body", b"")
        post = _read(Headers(scope=scope), body)
        if isinstance(post, Response):
            await post(scope, receive, send)
        elif self._lifespan_state is None:
            await refusal(_NOT_RUNNING, 503, {"Retry-After": "1"}, id_member=post.id_member)(scope, receive, send)
        elif post.message.request_id is None:
            await run_notification(
                self._server, post.message, version=post.version, lifespan_state=self._lifespan_state
            )
            await Response(status_code=HTTPStatus.ACCEPTED)(scope, receive, send)
        else:
            with _cancelled_by_hang_up(receive):
                await self._answer(post, send)

    async def _answer(self, post: _Post, send: Send) -> None:
        context = context_of(post.message)
        accepts = post.accepts
        if accepts.prefers_events or (accepts.event_stream and context.progress_token is not None):
            await self._stream(post, context, send)
        else:
            await _send_json(await self._run(post, context), post.version, send)

    async def _run(self, post: _Post, context: PostContext) -> Answer:
        return await answer_request(
            self._server, post.message, context, version=post.version, lifespan_state=self._lifespan_state
        )

    async def _stream(self, post: _Post, context: PostContext, send: Send) -> None:
        """Answer with a stream; an answer that nothing precedes becomes JSON unless the caller prefers streams."""
        events = EventStream(send)
        context.send_event = events.send_event
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(events.keep_alive)
            answer = await self._run(post, context)
            tasks.cancel_scope.cancel()
        is_ok = status_of(answer.error_code, post.version) == HTTPStatus.OK
        if events.is_begun or (post.accepts.prefers_events and is_ok):
            await events.send_event(answer.body, is_last=True)
        else:
            await _send_json(answer, post.version, send)


class _Post(NamedTuple):
    """A POST request with a message that is served."""

    message: Message
    version: str
    accepts: Acceptable
    id_member: dict[str, Any]


def _read(headers: Headers, body: bytes) -> _Post | Response:
    """Return the message of a POST request and how to answer it, or the answer to a request that is refused."""
    message = read_message(body)
    named = id_member(message.request_id, headers)
    accepts = acceptable(headers.getlist("accept"))
    if not is_utf_8_json(headers.get("content-type", "")) or headers.get("content-encoding", "identity") != "identity":
        return refusal(_NOT_JSON, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, {"Accept-Post": JSON}, id_member=named)
    if accepts.is_nothing:
        return refusal(_NOT_ACCEPTABLE, HTTPStatus.NOT_ACCEPTABLE, id_member=named)
    if isinstance(message, InvalidMessage):
        return refusal(message.sentence, HTTPStatus.BAD_REQUEST, code=message.code, id_member=named)
    version = choose_version(message, headers)
    if isinstance(version, InboundLadderRejection):
        status = ERROR_CODE_HTTP_STATUS[version.code]
        return refusal(version.message, status, code=version.code, data=version.data, id_member=named)
    return _Post(message, version, accepts, named)


async def _send_json(answer: Answer, version: str, send: Send) -> None:
    length = (b"content-length", b"%d" % len(answer.body))
    status = status_of(answer.error_code, version)
    await send({"type": "http.response.start", "status": status, "headers": [*_HAS_ONE_ANSWER, length]})
    await send({"type": "http.response.body", "body": answer.body})


@contextmanager
def _cancelled_by_hang_up(receive: Receive) -> Iterator[None]:
    """Cancel what runs in the context when the caller hangs up; one task is cheaper than a task group."""
    with anyio.CancelScope() as scope:
        watcher = asyncio.ensure_future(_cancel_at_hang_up(receive, scope))
        try:
            yield
        finally:
            watcher.cancel()


async def _cancel_at_hang_up(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
