"""A real identity provider for the tests: oidc-provider from npm, as a process on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from team.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT_ID = "agent"
CLIENT_SECRET = "oidc-secret-91fa"
KNOWN_CLIENT = "known-host"
DOCUMENTED_CLIENT = "https://host.example/oauth/client-metadata"
CLIENT_NAME = "A host of MCP"
_PROGRAM = Path(__file__).parent / "oidc" / "provider.mjs"
_FOLDER = Path(__file__).parents[2] / ".judges" / "oidc"


def _client(client_id: str) -> str:
    """A host on a person's machine: it has no secret, and is called back on any port of loopback."""
    metadata = {
        "client_id": client_id,
        "client_name": CLIENT_NAME,
        "application_type": "native",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    return json.dumps(metadata)


class Identity:
    """An identity provider that can be stopped, and started again with another key."""

    def __init__(self) -> None:
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self.issuer = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        node = shutil.which("node")
        assert node, "Node is missing: oidc-provider runs on it"
        assert (_FOLDER / "node_modules").is_dir(), "oidc-provider is missing: run `make test-team`"
        self._process = subprocess.Popen(
            [node, str(_PROGRAM), str(_FOLDER), str(self._port)],
            env={
                **os.environ,
                "OIDC_CLIENT_SECRET": CLIENT_SECRET,
                "OIDC_KNOWN_CLIENT": _client(KNOWN_CLIENT),
                "OIDC_DOCUMENTED_CLIENT": _client(DOCUMENTED_CLIENT),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    async def token(self, resource: str, scope: str = "contacts:read") -> str:
        """Get a token for a resource, as a program with a secret of its own does."""
        asked = {"grant_type": "client_credentials", "resource": resource, "scope": scope}
        async with httpx2.AsyncClient(auth=(CLIENT_ID, CLIENT_SECRET)) as client:
            answer = await client.post(f"{self.issuer}/token", data=asked)
        return str(answer.raise_for_status().json()["access_token"])


@contextmanager
def open_identity() -> Iterator[Identity]:
    """Start an identity provider, and stop it in the end."""
    identity = Identity()
    try:
        identity.start()
        yield identity
    finally:
        identity.stop()
