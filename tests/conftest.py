"""What many tests stand on: the whole server in memory, over the sandbox."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from httpx2 import ASGITransport
from hypothesis import settings
from mcp.client import Client
from pydantic import SecretStr

from own_time import OwnTimeLoop
from paths import SAMPLES
from telecmi_mcp import Contact, Settings, TelecmiClient, create_server, open_app
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp.sandbox import SANDBOX_TOKEN, Quirks, Sandbox, create_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from telecmi_mcp._index.postings import Backend

SIGNED_IN = Settings(token=SecretStr(SANDBOX_TOKEN), base_url="http://localhost")

pytest.register_assert_rewrite("contact_store_contract", "contract_run")

# A property has no time limit: the machines are shared, and time is measured under benchmarks/ only.
settings.register_profile("few", deadline=None, max_examples=25)
settings.register_profile("many", deadline=None, max_examples=400)


def runs_slow_tests(config: pytest.Config) -> bool:
    """Whether this is the run of ``make test-slow``."""
    expression: str = config.getoption("markexpr")
    return expression == "slow"


def pytest_configure(config: pytest.Config) -> None:
    """Choose the number of examples; ``--hypothesis-profile`` overrules it."""
    settings.load_profile("many" if runs_slow_tests(config) else "few")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start one worker more than there are processors, because tests of deadlines and processes wait."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run each property in the slow tests too, where it gets many examples."""
    if runs_slow_tests(config):
        for item in items:
            if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
                item.add_marker(pytest.mark.slow)


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give a test that is marked with ``own_time`` a loop whose clock does not know how slow the machine is."""
    return {"loop": OwnTimeLoop if item.get_closest_marker("own_time") else asyncio.new_event_loop}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == FIGURES:
                terminalreporter.write_line(str(value))


GENERATIONS = ["legacy", "2026-07-28"]
FIGURES = "figures"
"""The property of a test that is shown at the end of a run: what was measured."""


class Desk:
    """A server over a sandbox, and a client in front of it."""

    def __init__(self, client: Client, sandbox: Sandbox) -> None:
        self.client = client
        self.sandbox = sandbox

    async def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool that must succeed and return its structured half."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        facts = result.structured_content
        assert isinstance(facts, dict)
        return facts

    async def refuse(self, tool: str, **arguments: object) -> str:
        """Call a tool that must fail and return its sentence."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error
        assert result.structured_content is None
        (part,) = result.content
        assert part.type == "text"
        return part.text

    @property
    def bodies(self) -> list[Any]:
        """What TeleCMI was sent, as JSON values."""
        return [request.body for request in self.sandbox.state.requests]


@asynccontextmanager
async def opened_desk(
    quirks: Quirks | None = None, *, mode: str = "legacy", settings: Settings = SIGNED_IN, **options: Any
) -> AsyncIterator[Desk]:
    """Open the whole surface in memory."""
    sandbox = create_sandbox(quirks or Quirks(), **options)
    server = create_server(
        lambda: open_app(settings, transport=ASGITransport(app=sandbox)),
        tools=settings.tools,
        tool_prefix=settings.tool_prefix,
    )
    async with Client(server, mode=mode) as client:
        yield Desk(client, sandbox)


@asynccontextmanager
async def opened_client(sandbox: Sandbox) -> AsyncIterator[TelecmiClient]:
    """Open a client of a sandbox."""
    channel = Channel("http://localhost", transport=ASGITransport(app=sandbox))
    client = TelecmiClient(channel, FixedToken(SIGNED_IN.token))
    yield client
    await client.aclose()


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    """Each protocol generation in turn."""
    value: str = request.param
    return value


@pytest.fixture(scope="session")
def address_book() -> list[Contact]:
    """Ten thousand invented contacts."""
    with gzip.open(SAMPLES / "search" / "contacts-10k.jsonl.gz") as lines:
        return [Contact(**json.loads(line)) for line in lines]


@pytest.fixture(scope="session", params=["fts5", "plain"])
def full_index(request: pytest.FixtureRequest, address_book: list[Contact]) -> Iterator[Index]:
    """All of them in an index."""
    with Index(backend=request.param) as index:
        for start in range(0, len(address_book), 100):
            index.upsert(address_book[start : start + 100], generation=1, state={})
        yield index


@pytest.fixture(params=["fts5", pytest.param("plain", marks=pytest.mark.slow)])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Both ways to keep postings."""
    chosen: Backend = request.param
    return chosen


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the user's that is this test's own."""
    folder = tmp_path / "telecmi-mcp"
    monkeypatch.setattr("telecmi_mcp._index.location.cache_folder", lambda: folder)
    return folder


def pytest_collection_finish() -> None:
    """Take what was collected out of the garbage collector's sight: thousands of tests that stay until the end."""
    gc.freeze()
