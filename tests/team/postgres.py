"""A PostgreSQL server of its own for the tests, from Debian's packages, in a folder of its own, on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from pydantic import SecretStr

from team.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PASSWORD = "pg-secret-5e7c"
USER = "team"
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 100
shared_buffers = 128MB
fsync = off
synchronous_commit = off
full_page_writes = off
"""


def programs() -> Path:
    """The folder of PostgreSQL's programs, the newest version that is installed.

    Raises:
        AssertionError: None is installed.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    assert found or on_path, "PostgreSQL is missing: apt-get install postgresql, or run `make test-team`"
    return (found[-1] if found else Path(str(on_path)).resolve()).parent


class Cluster:
    """A PostgreSQL server that can be stopped, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = programs()
        self.port = free_port()

    def make(self) -> None:
        """Make its files."""
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        give(self._folder)
        words = ["-A", "scram-sha-256", "-U", USER, "--pwfile", str(secret), "-E", "UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", "-D", str(self._data), *words)
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(_CONFIGURATION.format(port=self.port))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "-s", "-D", str(self._data), "-w", "-l", str(self._folder / "log"), "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``smart``, ``fast``, or ``immediate`` as a crash does."""
        self._run("pg_ctl", "-s", "-D", str(self._data), "-w", "-m", mode, "stop")

    @property
    def pid(self) -> int:
        """The process id of the server, whose children do the work."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def log(self) -> str:
        """What it wrote to its log."""
        return (self._folder / "log").read_text()

    def dump(self, name: str) -> str:
        """All that is in a database, as ``pg_dump`` writes it."""
        words = [str(self._programs / "pg_dump"), "--no-password", self.url(name).get_secret_value()]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database, tell its name, and remove it in the end."""
        name = f"t{uuid4().hex}"
        self._admin(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            self._admin(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> SecretStr:
        """The address of a database."""
        return SecretStr(f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _admin(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres").get_secret_value(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *words: str) -> None:
        command = as_somebody_else([str(self._programs / program), *words])
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=program == "initdb")
        assert done.returncode == 0, f"{program} failed: {(done.stderr or b'').decode(errors='replace')}"


@contextmanager
def open_cluster() -> Iterator[Cluster]:
    """Start a PostgreSQL server, and stop it in the end."""
    folder = Path(tempfile.mkdtemp(prefix="telecmi-postgres-"))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    try:
        cluster.make()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def give(folder: Path) -> None:
    """PostgreSQL refuses to run as root: there the files belong to its package's user."""
    if _is_root():
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "postgres", "postgres")


def as_somebody_else(command: Sequence[str]) -> list[str]:
    """A command that runs as the package's user where the tests run as root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command] if _is_root() else [*command]
