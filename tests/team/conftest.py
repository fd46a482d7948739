"""What the tests of a team server stand on: a real PostgreSQL. All of them are marked with ``team``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from team.postgres import Cluster, open_cluster
from telecmi_mcp._team.db.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.team)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One PostgreSQL server for all tests of a process that do not stop it."""
    with open_cluster() as cluster:
        yield cluster


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[SecretStr]:
    """The address of an empty database."""
    with cluster.database() as name:
        yield cluster.url(name)


@pytest.fixture
def database(database_url: SecretStr) -> Iterator[Database]:
    """A database with the schema of this version, open."""
    database = Database(database_url)
    database.open()
    try:
        database.migrate()
        yield database
    finally:
        database.close()


@pytest.fixture
def unreachable() -> Iterator[Database]:
    """A database that nothing answers for."""
    database = Database(SecretStr("postgresql://nobody:nothing@127.0.0.1:1/none"))
    database.open()
    yield database
    database.close()
