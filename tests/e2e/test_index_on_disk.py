"""A real process whose index on disk is removed, replaced or limited: it answers, and says where the index is."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from e2e.lines import call, environment, started

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.lines import Lines

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes, limits and XDG folders")


async def found(server: Lines, number: int, query: str = "Priya Acme") -> dict[str, Any]:
    """What a search answers."""
    answer = (await server.ask(call(number, "search_contacts", query=query)))["result"]
    assert not answer["isError"]
    facts: dict[str, Any] = answer["structuredContent"]
    return facts


def remove_and_put_pipes(folder: Path) -> None:
    """Leave a pipe in place of each file."""
    names = [path.name for path in folder.iterdir()]
    shutil.rmtree(folder)
    folder.mkdir(mode=0o777)
    for name in names:
        os.mkfifo(folder / name)


def fill_with_garbage(folder: Path) -> None:
    """Write what is no index into the file."""
    next(folder.glob("*.db")).write_bytes(b"x" * 9999)


@pytest.mark.slow
async def test_a_server_outlives_its_cache_folder(tmp_path: Path) -> None:
    env = environment(TELECMI_INDEX="disk", XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path))
    folder = tmp_path / "telecmi-mcp"
    async with started(env=env) as server:
        await server.shake_hands()
        plays: list[Callable[[Path], object]] = [shutil.rmtree, remove_and_put_pipes, fill_with_garbage]
        for number, play in enumerate(plays):
            assert (await found(server, 2 * number + 1))["matches"][0]["first_name"] == "Priya"
            play(folder)
            facts = await found(server, 2 * number + 2)
            assert facts["matches"][0]["first_name"] == "Priya"
            assert "notice" not in facts or "not final" not in facts["notice"]
        nobody = await found(server, 99, "zzkqwx nobody")
        assert (nobody["complete"], nobody["indexed"]) == (True, 150)
        assert "memory" not in nobody["notice"]
        assert await server.close() == 0
        assert "Traceback" not in await server.errors()


LIMITED = (
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY));"
    "os.execv(sys.executable, [sys.executable, '-m', 'telecmi_mcp', 'serve', '--sandbox'])"
)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [pytest.param(0, marks=pytest.mark.slow), 100_000])
async def test_a_file_size_limit_is_named_and_the_server_goes_on_in_memory(limit: int, tmp_path: Path) -> None:
    env = environment(
        TELECMI_INDEX="disk", XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path), PYTHONDONTWRITEBYTECODE="1"
    )
    async with started("-c", LIMITED, str(limit), command=[sys.executable], env=env) as server:
        await server.shake_hands()
        assert (await found(server, 1))["matches"][0]["first_name"] == "Priya"
        facts = await found(server, 2, "zzkqwx nobody")
        assert (facts["complete"], facts["indexed"]) == (True, 150)
        assert "memory only, because the file-size limit of the process is reached." in facts["notice"]
        assert await server.close() == 0
