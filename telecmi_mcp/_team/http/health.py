"""``/healthz`` and ``/readyz``: whether this process lives, and whether it can do all that it is for.

Both answer anybody, so they hold words only, and nobody can load the database with them.
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

LOOK_SECONDS: Final = 2.0
"""Seconds for which one look at the database is the answer for everybody."""

LATELY_SECONDS: Final = 300.0
"""Seconds after which what TeleCMI did says nothing any more."""

_PATIENCE = 3.0  # seconds that a look at the database may take


class Health:
    """What the two addresses answer.

    ``/healthz`` is 200 for as long as the process answers at all: restart it when it is not.

    ``/readyz`` is 200, or 503 while the process starts or stops and while the database is away: send callers to
    another replica, if there is one; without the database reading goes on, and search does not. TeleCMI's state is
    told and changes nothing, because it is the same for all replicas. The body is JSON:

    - ``database``: ``up``, ``away``, or ``none`` where none is configured;
    - ``telecmi``: ``seen`` or ``failing``, as the last request of a call in the last five minutes had it, or
      ``not asked``. Nothing is asked for this.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._team: Team | None = None
        self._database = "away"
        self._looked_at = -math.inf
        self._looking = anyio.Lock()
        self._is_asking = False

    def watch(self, team: Team | None) -> None:
        """Answer for a team from now on; for ``None``, that there is none to be called."""
        self._team = team

    def routes(self) -> list[Route]:
        """Return the two addresses."""
        return [Route("/healthz", _alive, methods=["GET"]), Route("/readyz", self._ready, methods=["GET"])]

    async def _ready(self, _: Request) -> Response:
        team = self._team
        if team is None:
            return JSONResponse({"database": "none", "telecmi": "not asked"}, 503, _UNCACHED)
        database = "none" if team.database is None else await self._look(team.database)
        words = {"database": database, "telecmi": telecmi_word(team.upstream_health, now=self._clock())}
        return JSONResponse(words, 503 if database == "away" else 200, _UNCACHED)

    async def _look(self, database: Database) -> str:
        async with self._looking:
            if self._clock() - self._looked_at >= LOOK_SECONDS:
                self._database = "away"
                with anyio.move_on_after(_PATIENCE):
                    self._database = await run_sync(self._ask, database, abandon_on_cancel=True)
                self._looked_at = self._clock()
            return self._database

    def _ask(self, database: Database) -> str:
        if self._is_asking:  # in a thread that was given up and has not come back: one is enough
            return "away"
        self._is_asking = True
        try:
            with database.connection() as connection:
                connection.execute("SELECT 1")
        except TelecmiError:
            return "away"
        finally:
            self._is_asking = False
        return "up"


_UNCACHED = {"Cache-Control": "no-store"}


async def _alive(_: Request) -> Response:
    return PlainTextResponse("alive\n", headers=_UNCACHED)


def telecmi_word(upstream_health: UpstreamHealth, *, now: float) -> str:
    """Return what calls met lately, as one word or two."""
    if now - max(upstream_health.answered_at, upstream_health.failed_at) > LATELY_SECONDS:
        return "not asked"
    return "seen" if upstream_health.answered_at >= upstream_health.failed_at else "failing"
