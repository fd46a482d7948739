"""Each way to install, in surroundings like a new machine's, with the newest of all that the package depends on."""

from __future__ import annotations

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from e2e.installs import PIP, PIPX, PYTHON, UVS, build, fetch_uv, run, speak, surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Machine:
    """A new machine: who installs has a home there, uv, and the files of a release."""

    def __init__(self, home: Path, uv: Path, built: Path) -> None:
        self.home, self.uv = home, uv
        self.env = surroundings(home, uv)
        (self.wheel,) = built.glob("*.whl")
        (self.sdist,) = built.glob("*.tar.gz")

    def run(self, *command: str | Path) -> None:
        """Run a command that must succeed."""
        run(command, self.env, self.home)


def from_the_sdist(machine: Machine) -> Sequence[str | Path]:
    # By a process of its own: a copy that this one wrote could be busy in a child that another thread just forked.
    machine.run(sys.executable, "-m", "venv", machine.home / "venv")
    machine.run(machine.home / "venv/bin/python", "-m", "pip", "install", "--quiet", machine.sdist)
    return [machine.home / "venv/bin/telecmi-mcp"]


def for_one_user(machine: Machine) -> Sequence[str | Path]:
    # A distribution's Python keeps users' packages out unless told otherwise; in a home of its own nothing is broken.
    pip: list[str | Path] = [*PIP, "--python", PYTHON, "install", "--quiet", "--user"]
    machine.run(*pip, "--break-system-packages", "--ignore-installed", machine.wheel)
    return [machine.home / ".local/bin/telecmi-mcp"]


def as_a_tool_of_uv(machine: Machine) -> Sequence[str | Path]:
    machine.run("uv", "tool", "install", "--quiet", "--compile-bytecode", f"telecmi-mcp[keyring] @ {machine.wheel}")
    return [machine.home / ".local/bin/telecmi-mcp"]


def with_uvx(machine: Machine) -> Sequence[str | Path]:
    return [machine.uv / "uvx", "--quiet", "--from", machine.wheel, "telecmi-mcp"]


def with_pipx_install(machine: Machine) -> Sequence[str | Path]:
    machine.run("uvx", "--quiet", PIPX, "install", machine.wheel)
    return [machine.home / ".local/bin/telecmi-mcp"]


def with_pipx_run(machine: Machine) -> Sequence[str | Path]:
    return [machine.uv / "uvx", "--quiet", PIPX, "run", "--spec", machine.wheel, "telecmi-mcp"]


WAYS = [from_the_sdist, for_one_user, as_a_tool_of_uv, with_uvx, with_pipx_install, with_pipx_run]


@pytest.fixture(scope="module")
def installs(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[Machine, Future[Sequence[str | Path]]]]]:
    """A machine for each way, and the command that it will have: they wait for the network, so all do so at once."""
    folder = tmp_path_factory.mktemp("machines")
    uv, built = fetch_uv(UVS[-1], folder / "uv"), build(folder / "dist")
    machines = {way.__name__: Machine(folder / way.__name__, uv, built) for way in WAYS}
    with ThreadPoolExecutor() as pool:
        yield {way.__name__: (machines[way.__name__], pool.submit(way, machines[way.__name__])) for way in WAYS}


@pytest.mark.slow
@pytest.mark.parametrize("way", [way.__name__ for way in WAYS])
def test_what_was_installed_does_the_main_job(
    way: str, installs: dict[str, tuple[Machine, Future[Sequence[str | Path]]]], tmp_path: Path
) -> None:
    machine, command = installs[way]
    assert "as they should be" in speak([*command.result(), "serve", "--sandbox"], machine.env, tmp_path)
