from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._team.http.deferred_start import DeferredStart

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

START: Message = {"type": "http.response.start", "status": 200, "headers": []}


def body(words: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": words, "more_body": more}


async def sent_after_each(*messages: Message) -> list[int]:
    """How many messages have left after each one that was sent."""
    left: list[Message] = []
    counts = []

    async def app(_: Scope, __: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
            counts.append(len(left))

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        left.append(message)

    await DeferredStart(app)({"type": "http"}, receive, send)
    assert left == [*messages]
    return counts


async def test_the_head_of_an_answer_waits_for_its_first_bytes() -> None:
    said = (START, body(b"", more=True), body(b"event", more=True), body(b"next", more=True), body(b"", more=False))
    assert await sent_after_each(*said) == [0, 0, 3, 4, 5]


async def test_an_answer_without_a_body_is_sent() -> None:
    assert await sent_after_each(START, body(b"", more=False)) == [0, 2]
