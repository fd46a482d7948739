"""The gate to TeleCMI: who goes first."""

from __future__ import annotations

import anyio
import pytest

from telecmi_mcp._api.limiters import Gate


async def test_the_background_goes_when_nobody_else_waits() -> None:
    gate, went = Gate(1), list[str]()

    async def go(name: str, *, in_background: bool = False) -> None:
        async with gate.passed(in_background=in_background):
            went.append(name)
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks, gate.passed():
            tasks.start_soon(lambda: go("mirror", in_background=True))
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(go, "first")
            tasks.start_soon(go, "second")
            await anyio.wait_all_tasks_blocked()
    assert went == ["first", "second", "mirror"]


@pytest.mark.parametrize("has_turn", [False, True])
async def test_who_gives_up_waiting_leaves_the_place_to_others(*, has_turn: bool) -> None:
    gate = Gate(1)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            holder = gate.passed()
            await holder.__aenter__()
            scope = anyio.CancelScope()

            async def wait() -> None:
                with scope:
                    async with gate.passed():
                        pass

            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            if has_turn:
                await holder.__aexit__(None, None, None)
            scope.cancel()
            await anyio.wait_all_tasks_blocked()
            if not has_turn:
                await holder.__aexit__(None, None, None)
        async with gate.passed():
            pass
