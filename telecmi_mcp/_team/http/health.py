"""Answers ``/healthz`` and ``/readyz``: whether the process runs, and whether it can serve every call.

Both answer without a key. So their answers hold a few fixed words, and many requests cause one query.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from telecmi_mcp._team.auth.refreshing_cache import CachePolicy, RefreshingCache
from telecmi_mcp.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from telecmi_mcp._api.http import UpstreamHealth
    from telecmi_mcp._team.context import Team

PROBE_INTERVAL_S: Final = 2.0
"""Time for which one query is the answer to all requests; five seconds while the database is unreachable."""

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
        self._probe = RefreshingCache(
            self._query,
            unavailable=DatabaseUnavailable,
            policy=CachePolicy(PROBE_INTERVAL_S, _PROBE_TIMEOUT_S, max_stale=0),
            clock=clock,
        )

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
        try:
            database = await self._probe.find(lambda word: word)
        except DatabaseUnavailable:
            database = "away"
        words = {"database": database, "telecmi": telecmi_word(team.upstream_health, now=self._clock())}
        return JSONResponse(words, 503 if database == "away" else 200, _UNCACHED)

    async def _query(self) -> tuple[str, float]:
        if self._team is None or self._team.database is None:
            return "none", PROBE_INTERVAL_S
        await self._team.database.run(lambda connection: connection.execute("SELECT 1"))
        return "up", PROBE_INTERVAL_S


_UNCACHED = {"Cache-Control": "no-store"}


async def _alive(_: Request) -> Response:
    return PlainTextResponse("alive\n", headers=_UNCACHED)


def telecmi_word(upstream_health: UpstreamHealth, *, now: float) -> str:
    """Return the state of TeleCMI by the last requests."""
    if now - max(upstream_health.answered_at, upstream_health.failed_at) > RECENT_S:
        return "not asked"
    return "seen" if upstream_health.answered_at >= upstream_health.failed_at else "failing"
