"""The clock of the tests: it stops while the machine works, and runs while the loop waits."""

from __future__ import annotations

import socket
import time

import anyio
import pytest

pytestmark = pytest.mark.own_time


def _work(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


async def test_a_deadline_does_not_end_while_the_machine_is_slow() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, anyio.fail_after(0.02):
        ours.send(b"here")
        _work(0.05)
        await anyio.wait_readable(theirs)
        await anyio.lowlevel.checkpoint()


async def test_a_wait_without_an_event_lasts_its_timeout() -> None:
    begun = anyio.current_time()
    with anyio.move_on_after(0.02) as wait:
        await anyio.Event().wait()
    assert wait.cancelled_caught
    assert anyio.current_time() - begun == pytest.approx(0.02, abs=0.001)


async def test_a_loop_that_never_waits_reaches_its_deadline() -> None:
    with anyio.move_on_after(0.02) as work:
        while True:
            await anyio.lowlevel.checkpoint()
    assert work.cancelled_caught
