"""Half a minute of the load of benchmarks/team_load.py: no call is lost while parts go and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.team_load import Plan, measure, report
from conftest import FIGURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.team_load import LoadResult

AWAY = "search is unavailable because the server's database is unreachable."
PLAN = Plan(callers=200, seconds=30, rate=40, contacts=2000)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> LoadResult:
    return measure(PLAN, tmp_path_factory.mktemp("load"))


def test_no_call_is_lost_while_a_replica_is_killed_and_postgresql_is_restarted(
    seen: LoadResult, record_property: Callable[[str, object], None]
) -> None:
    record_property(FIGURES, report(PLAN, seen))
    assert not seen.lost
    assert len(seen.calls) > PLAN.callers
    assert [what for _, what in seen.events] == [
        "a replica is killed",
        "it is back",
        "PostgreSQL is stopped",
        "PostgreSQL is back",
    ]


def test_without_the_database_search_says_so_and_the_others_work(seen: LoadResult) -> None:
    assert seen.refused
    for tool, told in seen.refused:
        assert tool == "search_contacts"
        assert told.endswith(AWAY)


def test_searches_are_answered_again_once_postgresql_is_back(seen: LoadResult) -> None:
    assert seen.is_healed


def test_no_replica_has_twenty_connections_to_the_database(seen: LoadResult) -> None:
    assert 0 < max(seen.connections.values()) < 20
