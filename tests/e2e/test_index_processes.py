"""Processes that share an index on disk: the writer is killed during a sync, and searches still answer."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import anyio
import pytest

from e2e.lines import call, environment, started
from e2e.paged_telecmi import CONTACTS, served_pages
from telecmi_mcp.sandbox import SANDBOX_TOKEN

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and XDG folders")


@pytest.mark.slow
async def test_another_process_succeeds_a_killed_writer_and_loses_nothing(tmp_path: Path) -> None:
    with served_pages() as pages:
        env = environment(
            TELECMI_BASE_URL=pages.address,
            TELECMI_TOKEN=SANDBOX_TOKEN,
            TELECMI_INDEX="disk",
            TELECMI_TIMEOUT="20",
            XDG_CACHE_HOME=str(tmp_path),
            HOME=str(tmp_path),
        )
        question = {"query": "zzkqwx nobody"}
        async with (
            started("serve", env=env) as writer,
            started("serve", env=env) as waiting,
            started("serve", env=env) as reader,
        ):
            for server in (writer, waiting, reader):
                await server.shake_hands()
            await writer.send(call(1, "search_contacts", **question))
            assert await anyio.to_thread.run_sync(pages.is_holding.wait, 30)
            await waiting.send(call(1, "search_contacts", **question))
            found = (await reader.ask(call(1, "search_contacts", query=f"+{CONTACTS[41]['phone_no']}")))["result"]
            assert found["structuredContent"]["matches"][0]["first_name"] == "Priya"
            assert found["structuredContent"]["complete"] is False

            writer.process.send_signal(signal.SIGKILL)
            asked = len(pages.cursors)
            pages.release.set()
            answer = (await waiting.receive())["result"]["structuredContent"]
            assert (answer["complete"], answer["indexed"], answer["matches"]) == (True, 650, [])
            assert pages.cursors[asked] is not None
            # Seven pages: three were read, and of these the last may still have been on its way to the disk.
            assert len(pages.cursors) - asked in {4, 5}

            again = (await reader.ask(call(2, "search_contacts", **question)))["result"]["structuredContent"]
            assert (again["complete"], again["indexed"]) == (True, 650)
            assert await waiting.close() == 0
            assert await reader.close() == 0
            assert await waiting.errors() + await reader.errors() == ""
