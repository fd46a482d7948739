"""Answers ``/healthz`` and ``/readyz``: whether the process runs, and whether it can serve every call.

Both answer without a key. So their answers hold a few fixed words, and many requests cause one query.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

import anyio
from anyio.to_thread import run_sync
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from telecmi_mcp.errors import TelecmiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from telecmi_mcp._api.http import UpstreamHealth
    from telecmi_mcp._team.context import Team
    from telecmi_mcp._team.db.database import Database

PROBE_INTERVAL_S: Final = 2.0
"""Time for which one query is the answer to all requests."""

RECENT_S: Final = 300.0
"""Time after which the state of TeleCMI is unknown again."""

_PROBE_TIMEOUT_S = 3.0  # seconds for one query


class Health:
    """Routes of the two addresses.

    ``/healthz`` is 200 as long as the process answers at all: restart it if it does not.

    ``/readyz`` is 200, or 503 while the process starts or stops and while the database is unreachable: then send
    callers to another replica. Without the database reading works and search does not. The state of TeleCMI does
    not change the status, because it is the same for all replicas. The body is JSON:

    - ``database``: ``up``, ``away``, or ``none`` if none is configured;
    - ``telecmi``: ``seen`` or ``failing`` by the last request of the last five minutes, or ``not asked``. No request is
      sent for this.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._team: Team | None = None
        self._database = "away"
        self._probed_at = -math.inf
        self._probing = anyio.Lock()
        self._is_querying = False

    def watch(self, team: Team | None) -> None:
        """Answer for this team from now on; ``None`` means that the process does not serve calls."""
        self._team = team

    def routes(self) -> list[Route]:
        """Return the two addresses."""
        return [Route("/healthz", _alive, methods=["GET"]), Route("/readyz", self._ready, methods=["GET"])]

    async def _ready(self, _: Request) -> Response:
        team = self._team
        if team is None:
            return JSONResponse({"database": "none", "telecmi": "not asked"}, 503, _UNCACHED)
        database = "none" if team.database is None else await self._probe(team.database)
        words = {"database": database, "telecmi": telecmi_word(team.upstream_health, now=self._clock())}
        return JSONResponse(words, 503 if database == "away" else 200, _UNCACHED)

    async def _probe(self, database: Database) -> str:
        async with self._probing:
            if self._clock() - self._probed_at >= PROBE_INTERVAL_S:
                self._database = "away"
                with anyio.move_on_after(_PROBE_TIMEOUT_S):
                    self._database = await run_sync(self._query, database, abandon_on_cancel=True)
                self._probed_at = self._clock()
            return self._database

    def _query(self, database: Database) -> str:
        if self._is_querying:  # an abandoned thread still waits: do not start a second one
            return "away"
        self._is_querying = True
        try:
            with database.connection() as connection:
                connection.execute("SELECT 1")
        except TelecmiError:
            return "away"
        finally:
            self._is_querying = False
        return "up"


_UNCACHED = {"Cache-Control": "no-store"}


async def _alive(_: Request) -> Response:
    return PlainTextResponse("alive\n", headers=_UNCACHED)


def telecmi_word(upstream_health: UpstreamHealth, *, now: float) -> str:
    """Return the state of TeleCMI by the last requests."""
    if now - max(upstream_health.answered_at, upstream_health.failed_at) > RECENT_S:
        return "not asked"
    return "seen" if upstream_health.answered_at >= upstream_health.failed_at else "failing"
