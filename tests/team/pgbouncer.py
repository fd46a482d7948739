"""pgbouncer from Debian's packages, in transaction mode, between the tests and their PostgreSQL."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from team.ports import free_port, wait_for
from team.postgres import PASSWORD, USER, as_somebody_else, give

if TYPE_CHECKING:
    from collections.abc import Iterator

    from team.postgres import Cluster

SESSIONS = 3
"""Sessions of PostgreSQL for all clients of a database together: fewer than one replica has connections."""

_CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 200
logfile = {folder}/log
"""


class Pooler:
    """A pgbouncer that can be stopped and started again."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        text = _CONFIGURATION.format(database=cluster.port, port=self.port, folder=folder, sessions=SESSIONS)
        (folder / "pgbouncer.ini").write_text(text)
        (folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
        give(folder)

    def url(self, name: str) -> SecretStr:
        """The address of a database behind it."""
        return SecretStr(f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}")

    def start(self) -> None:
        """Start it, and wait until it listens."""
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        assert program, "pgbouncer is missing: apt-get install pgbouncer, or run `make test-team`"
        words = as_somebody_else([program, "--quiet", str(self._folder / "pgbouncer.ini")])
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.port, self._process)

    def stop(self) -> None:
        """Stop it at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def open_pooler(cluster: Cluster) -> Iterator[Pooler]:
    """Start one before a PostgreSQL server, and stop it in the end."""
    folder = Path(tempfile.mkdtemp(prefix="telecmi-pgbouncer-"))
    folder.chmod(0o755)
    pooler = Pooler(folder, cluster)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.stop()
        shutil.rmtree(folder, ignore_errors=True)
