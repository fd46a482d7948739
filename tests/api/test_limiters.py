"""The concurrency limit: its order, and what happens to released slots and to those of cancelled tasks."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from telecmi_mcp._api.limiters import ConcurrencyLimit


async def test_background_work_gets_a_slot_only_while_nothing_else_waits() -> None:
    limit, order = ConcurrencyLimit(1), list[str]()

    async def run(name: str, *, in_background: bool = False) -> None:
        async with limit.slot(in_background=in_background):
            order.append(name)
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks, limit.slot():
            tasks.start_soon(lambda: run("sync", in_background=True))
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(run, "first")
            tasks.start_soon(run, "second")
            await anyio.wait_all_tasks_blocked()
    assert order == ["first", "second", "sync"]


@pytest.mark.parametrize("is_granted", [False, True], ids=["while it waits", "when its slot was granted just before"])
async def test_a_cancelled_task_leaves_its_slot_to_others(*, is_granted: bool) -> None:
    limit = ConcurrencyLimit(1)
    await limit.acquire()
    waiter = asyncio.create_task(limit.acquire())
    with anyio.fail_after(30):
        await anyio.wait_all_tasks_blocked()
        assert limit.has_waiters
        if is_granted:
            limit.release()
        waiter.cancel()  # as asyncio does: anyio lets a task go on that has been granted its slot
        await asyncio.gather(waiter, return_exceptions=True)
        assert waiter.cancelled()
        if not is_granted:
            limit.release()
        assert not limit.has_waiters
        assert limit.has_free_slot


async def test_a_released_slot_is_free_once() -> None:
    limit = ConcurrencyLimit(2)
    with anyio.fail_after(30):
        for _ in range(2):
            await limit.acquire()
        limit.release()
        limit.release()
        for _ in range(2):
            assert limit.has_free_slot
            await limit.acquire()
    assert not limit.has_free_slot


async def test_a_task_that_does_not_say_otherwise_is_not_background_work() -> None:
    limit, order = ConcurrencyLimit(1), list[str]()

    async def run(name: str, **options: bool) -> None:
        await limit.acquire(**options)
        order.append(name)
        limit.release()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks, limit.slot():
            tasks.start_soon(lambda: run("sync", in_background=True))
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(run, "call")
            await anyio.wait_all_tasks_blocked()
    assert order == ["call", "sync"]
