"""The server's way in: messages in their order, each when the one before is taken, and an end that is not missed."""

from __future__ import annotations

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification

from telecmi_mcp._stdio.receive_stream import ReceiveStream

FIRST, SECOND, THIRD = (
    SessionMessage(JSONRPCNotification(jsonrpc="2.0", method=name)) for name in ("first", "second", "third")
)


async def test_a_message_waits_until_the_one_before_is_taken() -> None:
    inlet = ReceiveStream()
    await inlet.give(FIRST)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as giving:
            giving.start_soon(inlet.give, SECOND)
            await anyio.wait_all_tasks_blocked()
            assert await inlet.receive() is FIRST
            assert await inlet.receive() is SECOND


async def test_who_waits_for_a_message_gets_it_and_all_that_follow_before_the_end() -> None:
    inlet = ReceiveStream()
    taken = []

    async def take() -> None:
        taken.extend([message async for message in inlet])

    with anyio.fail_after(30):
        async with anyio.create_task_group() as taking:
            taking.start_soon(take)
            await anyio.wait_all_tasks_blocked()
            for message in (FIRST, SECOND, THIRD):
                await inlet.give(message)
            inlet.end()
    assert taken == [FIRST, SECOND, THIRD]


async def test_who_waits_learns_of_the_end() -> None:
    inlet = ReceiveStream()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as ending:
            ending.start_soon(_end_later, inlet)
            with pytest.raises(anyio.EndOfStream):
                await inlet.receive()


async def test_a_taker_that_gives_up_takes_nothing() -> None:
    inlet = ReceiveStream()
    with anyio.move_on_after(0) as given_up:
        await inlet.receive()
    assert given_up.cancelled_caught
    await inlet.give(FIRST)
    assert await inlet.receive() is FIRST


async def test_who_gives_learns_that_nobody_takes_any_more() -> None:
    inlet = ReceiveStream()
    await inlet.give(FIRST)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as closing:
            closing.start_soon(_close_later, inlet)
            with pytest.raises(anyio.BrokenResourceError):
                await inlet.give(SECOND)
    with pytest.raises(anyio.BrokenResourceError):
        await inlet.give(SECOND)
    assert await inlet.receive() is FIRST
    with pytest.raises(anyio.ClosedResourceError):
        await inlet.receive()


async def _end_later(inlet: ReceiveStream) -> None:
    await anyio.wait_all_tasks_blocked()
    inlet.end()


async def _close_later(inlet: ReceiveStream) -> None:
    await anyio.wait_all_tasks_blocked()
    await inlet.aclose()


async def test_what_was_held_comes_when_it_may_go() -> None:
    held: list[SessionMessage] = []
    inlet = ReceiveStream(lambda: held.pop() if held else None)
    taken = []

    async def take() -> None:
        taken.extend([message async for message in inlet])

    with anyio.fail_after(30):
        async with anyio.create_task_group() as taking:
            taking.start_soon(take)
            await anyio.wait_all_tasks_blocked()
            held.append(FIRST)
            inlet.wake()
            await anyio.wait_all_tasks_blocked()
            await inlet.give(SECOND)
            await anyio.wait_all_tasks_blocked()
            inlet.end()
    assert taken == [FIRST, SECOND]
