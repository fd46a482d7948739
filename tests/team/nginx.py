"""nginx from Debian's packages, with the configuration file of the project: only ports and paths are others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from team.ports import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"


class Nginx:
    """An nginx that runs.

    Args:
        folder: Where its files are to be.
        replicas: The ports behind it.
        key: An access key that it adds to all requests, without TLS: for programs that can do neither.

    Attributes:
        url: The address of ``/mcp`` as callers write it.
        certificate: The file of the authority that made its certificate.
    """

    def __init__(self, folder: Path, replicas: Sequence[int], *, key: str = "") -> None:
        self._folder = folder
        self._port = free_port()
        self._replicas = replicas
        self._key = key
        self.url = f"http{'' if key else 's'}://localhost:{self._port}/mcp"
        self.certificate = folder / "authority.pem"

    @contextmanager
    def running(self) -> Iterator[Nginx]:
        """Start it, and stop it in the end."""
        self._folder.mkdir()
        self._certify()
        configuration = self._folder / "nginx.conf"
        configuration.write_text(self.configuration(), encoding="utf8")
        user = " user root;" if sys.platform != "win32" and os.geteuid() == 0 else ""
        words = [
            _program(),
            "-c",
            str(configuration),
            "-g",
            f"daemon off;{user}",
            "-e",
            str(self._folder / "error.log"),
        ]
        with subprocess.Popen(words) as process:
            try:
                wait_for(self._port, process)
                yield self
            finally:
                process.terminate()

    def configuration(self) -> str:
        """Return the configuration that it is started with."""
        return replaced(CONFIGURATION.read_text(encoding="utf8"), self._places())

    def written(self) -> str:
        """All that it logged."""
        return "".join(path.read_text(encoding="utf8") for path in sorted(self._folder.glob("*.log")))

    def _places(self) -> dict[str, str]:
        first, second = self._replicas
        ends_tls, adds = (";", f' proxy_set_header Authorization "Bearer {self._key}";') if self._key else (" ssl;", "")
        return {
            "listen 8443 ssl;": f"listen 127.0.0.1:{self._port}{ends_tls}",
            'proxy_set_header Connection "";': f'proxy_set_header Connection "";{adds}',
            "server replica-1:8000 ": f"server 127.0.0.1:{first} ",
            "server replica-2:8000 ": f"server 127.0.0.1:{second} ",
            "/run/secrets/tls_certificate;": f"{self._folder}/certificate.pem;",
            "/run/secrets/tls_key;": f"{self._folder}/key.pem;",
            "pid /tmp/": f"pid {self._folder}/",
            "_temp_path /tmp/": f"_temp_path {self._folder}/",
            "/dev/stderr warn;": f"{self._folder}/error.log info;",
            "/dev/stdout calls;": f"{self._folder}/access.log calls;",
        }

    def _certify(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.certificate)
        issued = authority.issue_cert("localhost")
        issued.private_key_pem.write_to_path(self._folder / "key.pem")
        for pem in issued.cert_chain_pems:
            pem.write_to_path(self._folder / "certificate.pem", append=True)


def replaced(text: str, places: Mapping[str, str]) -> str:
    """Return the text with each of the places replaced, all of which must be in it."""
    for old, new in places.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _program() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert found, "nginx is missing: apt-get install nginx-light, or run `make test-team`"
    return found
