"""`/healthz` and `/readyz`: words about the database and TeleCMI, of one process, nothing secret, nothing to load."""

from __future__ import annotations

import math
import signal
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import anyio
import psycopg
from anyio.to_thread import run_sync
from httpx2 import ASGITransport, AsyncClient
from starlette.applications import Starlette

from conftest import SIGNED_IN
from e2e.lines import PATIENCE, environment
from team.postgres import PASSWORD, open_cluster
from team.serving import message, served
from telecmi_mcp._api.http import UpstreamHealth
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.http.asgi import build_app
from telecmi_mcp._team.http.health import PROBE_INTERVAL_S, RECENT_S, Health, telecmi_word
from telecmi_mcp.errors import DatabaseUnavailable, ServiceFailed, TokenRejected, Unreachable
from telecmi_mcp.sandbox import create_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    import httpx2
    import pytest

    from telecmi_mcp._team.context import Team


def opened(app: Starlette) -> AbstractAsyncContextManager[object]:
    """Its lifespan."""
    return app.router.lifespan_context(app)


async def asked(app: Starlette, path: str = "/readyz") -> httpx2.Response:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        return await client.get(path)


async def ready(app: Starlette) -> tuple[int, Any]:
    answer = await asked(app)
    return answer.status_code, answer.json()


async def test_a_process_that_runs_is_alive_and_ready_between_its_start_and_its_end() -> None:
    app = build_app(TeamSettings(common=SIGNED_IN), transport=ASGITransport(create_sandbox()))
    assert (await ready(app))[0] == 503
    async with opened(app):
        assert await ready(app) == (200, {"database": "none", "telecmi": "not asked"})
        assert (await asked(app, "/healthz")).status_code == 200
    assert (await ready(app))[0] == 503


async def test_a_call_tells_how_telecmi_is() -> None:
    headers, body = message("legacy", "tools/call", name="list_contacts", arguments={})
    app = build_app(TeamSettings(common=SIGNED_IN), transport=ASGITransport(create_sandbox()))
    async with opened(app), AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        answer = await client.post("/mcp", headers=headers, content=body)
        assert "contacts" in answer.text
        assert await ready(app) == (200, {"database": "none", "telecmi": "seen"})


def test_what_telecmi_did_is_one_word_for_some_minutes() -> None:
    upstream_health = UpstreamHealth()
    assert telecmi_word(upstream_health, now=0) == "not asked"
    upstream_health.answered_at = 100
    assert telecmi_word(upstream_health, now=100 + RECENT_S) == "seen"
    assert telecmi_word(upstream_health, now=101 + RECENT_S) == "not asked"
    upstream_health.failed_at = 101
    assert telecmi_word(upstream_health, now=102) == "failing"
    upstream_health.answered_at = 103
    assert telecmi_word(upstream_health, now=104) == "seen"


def test_a_refusal_is_an_answer_and_silence_or_a_defect_is_a_failure() -> None:
    for error, failed in ((None, False), (TokenRejected(404), False), (Unreachable(), True), (ServiceFailed(), True)):
        upstream_health = UpstreamHealth()
        upstream_health.note(error)
        assert (upstream_health.failed_at > -math.inf, upstream_health.answered_at > -math.inf) == (failed, not failed)


async def test_a_database_that_is_unreachable_at_the_start_is_migrated_when_it_is_back() -> None:
    with open_cluster() as cluster, cluster.database() as name:
        cluster.stop()
        app = build_app(TeamSettings(common=SIGNED_IN, database_url=cluster.url(name)))
        async with opened(app):
            assert await ready(app) == (503, {"database": "away", "telecmi": "not asked"})
            cluster.start()
            with anyio.fail_after(PATIENCE):
                while (await ready(app))[0] != 200:  # noqa: ASYNC110 - nobody tells when it is
                    await anyio.sleep(0.2)
            assert await ready(app) == (200, {"database": "up", "telecmi": "not asked"})
            with psycopg.connect(cluster.url(name).get_secret_value()) as connection, anyio.fail_after(PATIENCE):
                while connection.execute("SELECT to_regclass('telecmi_mcp.account')").fetchone() == (None,):
                    connection.rollback()
                    await anyio.sleep(0.2)


class Stub:
    """What is asked of a database for `/readyz`, by how many, with an answer of the test's choice."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.looks = 0
        self.is_away = is_away
        self.may_answer = threading.Event()
        self.may_answer.set()

    async def run(self, operation: Callable[[Stub], None]) -> None:
        await run_sync(self._do, operation, abandon_on_cancel=True)

    def _do(self, operation: Callable[[Stub], None]) -> None:
        self.looks += 1
        self.may_answer.wait(PATIENCE)
        if self.is_away:
            raise DatabaseUnavailable
        operation(self)

    def execute(self, statement: str) -> None:
        assert statement == "SELECT 1"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def watched(database: Stub) -> tuple[Clock, Starlette]:
    clock = Clock()
    health = Health(clock)
    health.watch(cast("Team", SimpleNamespace(database=database, upstream_health=UpstreamHealth())))
    return clock, Starlette(routes=health.routes())


async def test_however_many_ask_the_database_is_looked_at_once_in_a_while() -> None:
    database = Stub()
    clock, app = watched(database)
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(asked, app)
    assert (database.looks, await ready(app)) == (1, (200, {"database": "up", "telecmi": "not asked"}))
    database.is_away = True
    assert (await ready(app))[0] == 200
    clock.now += PROBE_INTERVAL_S
    assert await ready(app) == (503, {"database": "away", "telecmi": "not asked"})
    assert database.looks == 2


async def test_a_database_that_does_not_answer_is_unreachable_and_is_not_asked_by_more_and_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("telecmi_mcp._team.http.health._PROBE_TIMEOUT_S", 0.05)
    database = Stub()
    database.may_answer.clear()
    clock, app = watched(database)
    try:
        for _ in range(3):
            assert (await ready(app))[0] == 503
            clock.now += PROBE_INTERVAL_S
        assert database.looks == 1
    finally:
        database.may_answer.set()
    with anyio.fail_after(PATIENCE):
        while (await ready(app))[0] != 200:
            clock.now += PROBE_INTERVAL_S


async def test_nothing_secret_is_in_what_a_process_says_of_a_database_that_is_unreachable() -> None:
    env = environment(
        TELECMI_DATABASE_URL=f"postgresql://telecmi:{PASSWORD}@127.0.0.1:1/nothing", TELECMI_LOG_LEVEL="DEBUG"
    )
    with served("--sandbox", env=env) as server:
        async with AsyncClient(timeout=PATIENCE) as client:
            answer = await client.get(server.url.replace("/mcp", "/readyz"))
            headers, body = message("2026-07-28", "tools/call", name="list_contacts", arguments={})
            listed = await client.post(server.url, headers=headers, content=body)
        code, said = server.stop(signal.SIGTERM)
    assert (answer.status_code, answer.json()["database"], code) == (503, "away", 0)
    assert listed.json()["result"]["structuredContent"]["contacts"]
    assert "the database is unreachable" in server.said_before + said
    assert PASSWORD not in server.said_before + said
