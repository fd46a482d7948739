"""A team server with everything real: two replicas, nginx before them, PostgreSQL behind them, each a process."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import psycopg

from e2e.lines import environment
from team.nginx import Nginx
from team.ports import free_port, wait_for
from team.postgres import PASSWORD, Cluster, open_cluster
from telecmi_mcp._team.auth.access_keys import add_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_PATIENCE = 60  # seconds, against hanging only
_COMMAND = (sys.executable, "-m", "telecmi_mcp")


class Replica:
    """One server process, which can be stopped, killed and started again."""

    def __init__(self, log: Path, environ: Mapping[str, str]) -> None:
        self.port = free_port()
        self._log = log
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def start(self, **variables: str) -> None:
        """Start it, with these variables besides, and wait until it listens."""
        words = [*_COMMAND, "serve", "--http", f"127.0.0.1:{self.port}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(words, env={**self._environ, **variables}, stdout=log, stderr=log)
        wait_for(self.port, self._process)

    def stop(self) -> int:
        """Ask it to stop, and return its exit code once calls in flight are answered."""
        return self._end("terminate")

    def kill(self) -> None:
        """Let it die without a word, as when its machine goes."""
        self._end("kill")

    def _end(self, how: str) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            getattr(self._process, how)()
        return self._process.wait(_PATIENCE)


class Stage:
    """What runs, and what it wrote.

    Attributes:
        url: The address of ``/mcp`` as callers write it.
        certificate: The file of the authority that its certificate is from.
        replicas: The two server processes.
        cluster: The PostgreSQL server; ``name`` is its database.
    """

    def __init__(self, folder: Path, cluster: Cluster, name: str, variables: Mapping[str, str]) -> None:
        self.cluster = cluster
        self.name = name
        self._folder = folder
        self._environ = environment(**(_settings(folder, cluster, name) | dict(variables)))
        self.replicas = [Replica(folder / f"replica-{each}.log", self._environ) for each in (1, 2)]
        self._nginx = Nginx(folder / "nginx", [replica.port for replica in self.replicas])
        self.url, self.certificate = self._nginx.url, self._nginx.certificate

    @contextmanager
    def another_nginx(self, key: str) -> Iterator[str]:
        """Start a second nginx, which needs no TLS and adds a key to what has none, and give its address."""
        with Nginx(self._folder / "another", [each.port for each in self.replicas], key=key).running() as nginx:
            yield nginx.url

    @contextmanager
    def running(self, **variables: str) -> Iterator[Stage]:
        """Start the replicas, with these variables besides, and nginx, and stop them in the end."""
        with ExitStack() as leaving:
            for replica in self.replicas:
                leaving.callback(replica.kill)
                replica.start(**variables)
            leaving.enter_context(self._nginx.running())
            yield self

    def note(self, *texts: str) -> None:
        """Keep what somebody was told with what was written."""
        with (self._folder / "told.log").open("a", encoding="utf8") as log:
            log.writelines(f"{text}\n" for text in texts)

    def run(self, *words: str, sent: str = "", **variables: str) -> str:
        """Run a command beside the replicas, with their settings and these variables, and return what it printed."""
        printed, told = run_command(*words, sent=sent, environ={**self._environ, **variables})
        self.note(told)
        return printed

    def key(self, name: str) -> str:
        """Make an access key for a caller, as whoever runs the server does."""
        (key,) = [word for word in self.run("team", "key", "add", name).split() if word.startswith("tmk_")]
        return key

    def keys(self, names: Iterable[str]) -> list[str]:
        """Make access keys for many callers, without a process for each."""
        with psycopg.connect(self.cluster.url(self.name).get_secret_value()) as connection:
            return [add_key(connection, name).get_secret_value() for name in names]

    def written(self) -> str:
        """All that the replicas, the commands, nginx and PostgreSQL wrote to logs."""
        logs = "".join(path.read_text(encoding="utf8") for path in sorted(self._folder.glob("*.log")))
        return logs + self._nginx.written() + self.cluster.log()


def run_command(*words: str, sent: str = "", environ: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Run a command, which must succeed, and return what it wrote to stdout and to stderr."""
    env = environment() if environ is None else dict(environ)
    command = [*_COMMAND, *words]
    done = subprocess.run(command, input=sent, env=env, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def _settings(folder: Path, cluster: Cluster, name: str) -> dict[str, str]:
    """What compose.yaml sets: the database's password is in a file, and no environment holds it."""
    address, _, _ = cluster.url(name).get_secret_value().partition(f":{PASSWORD}@")
    passwords = folder / "pgpass"
    passwords.touch(0o600)
    passwords.write_text(f"127.0.0.1:{cluster.port}:*:*:{PASSWORD}\n", encoding="utf8")
    return {
        "TELECMI_DATABASE_URL": f"{address}@127.0.0.1:{cluster.port}/{name}?passfile={passwords}",
        "TELECMI_CALLERS": "keys",
        "TELECMI_CALLER_RATE_LIMIT": "0",
        "TELECMI_ACCOUNT_RATE_LIMIT": "0",
        "TELECMI_RATE_LIMIT": "0",
    }


@contextmanager
def open_stage(folder: Path, **variables: str) -> Iterator[Stage]:
    """Start everything, with these settings besides, on a PostgreSQL server of its own, and stop it in the end."""
    with open_cluster() as cluster, cluster.database() as name, Stage(folder, cluster, name, variables).running() as it:
        yield it
