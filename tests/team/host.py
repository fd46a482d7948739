"""An MCP host on a person's machine: the SDK's OAuth client, a port that the browser comes back to, and the browser."""

from __future__ import annotations

import json
import subprocess
from asyncio import IncompleteReadError, StreamReader, StreamWriter, start_server
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata

from e2e.lines import PATIENCE
from team.identity import CLIENT_NAME, DOCUMENTED_CLIENT, KNOWN_CLIENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp.shared.auth import OAuthToken

_BROWSER = Path(__file__).parents[2] / ".judges" / "browser"
_CHROMIUM = _BROWSER / "chromium"
_PERSON = Path(__file__).parent / "browser" / "person.py"
_PAGE = b"You are signed in. Close this window."
_ANSWER = b"HTTP/1.1 %b\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"

needs_browser = pytest.mark.skipif(
    not _CHROMIUM.exists(), reason="neither Chromium nor Chrome was found: see .ci/install-team"
)


class Memory:
    """Where the SDK's client keeps its tokens."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Host:
    """A host that connects to one server, and the person who uses it.

    Attributes:
        memory: What the host knows of itself and its tokens.
        opened: The addresses that it opened in the browser.
        pages: What the person read there.
        sent: Each request that it sent: method, path, and the form in its body.
    """

    def __init__(self, url: str, person: str, redirect_uri: str, *, registration: str) -> None:
        self.memory = Memory()
        self.opened: list[str] = []
        self.pages: dict[str, str] = {}
        self.sent: list[tuple[str, str, dict[str, str]]] = []
        self.back: dict[str, str] = {}
        self._url = url
        self._person = person
        metadata: Any = {"redirect_uris": [redirect_uri], "client_name": CLIENT_NAME}
        metadata |= {"token_endpoint_auth_method": "none", "application_type": "native"}
        if registration == "known":
            self.memory.client = OAuthClientInformationFull.model_validate({**metadata, "client_id": KNOWN_CLIENT})
        self.auth = OAuthClientProvider(
            url,
            OAuthClientMetadata.model_validate(metadata),
            self.memory,
            redirect_handler=self._open_browser,
            callback_handler=self._take_code,
            client_metadata_url=DOCUMENTED_CLIENT if registration == "document" else None,
        )

    @property
    def asked_for(self) -> dict[str, str]:
        """The query of the address that it opened."""
        (address,) = self.opened
        return dict(parse_qsl(urlsplit(address).query))

    @property
    def bearer(self) -> str:
        """Its access token."""
        assert self.memory.tokens
        return self.memory.tokens.access_token

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Client]:
        """Connect to the server, which may take a sign-in."""
        hooks = {"request": [self._note]}
        async with (
            httpx2.AsyncClient(auth=self.auth, timeout=PATIENCE, event_hooks=hooks, trust_env=False) as http,
            Client(streamable_http_client(self._url, http_client=http)) as client,
        ):
            yield client

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Take what the browser brings back, on one connection."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except IncompleteReadError:  # one that was opened in advance
            writer.close()
            return
        target = urlsplit(head.split(b" ", 2)[1].decode())
        is_meant = target.path == "/callback"
        if is_meant:
            self.back = dict(parse_qsl(target.query))
        page = _PAGE if is_meant else b""
        writer.write(_ANSWER % (b"200 OK" if is_meant else b"404 Not Found", len(page), page))
        await writer.drain()
        writer.close()

    async def _note(self, request: httpx2.Request) -> None:
        is_form = request.headers.get("Content-Type") == "application/x-www-form-urlencoded"
        form = dict(parse_qsl(request.content.decode())) if is_form else {}
        self.sent.append((request.method, request.url.path, form))

    async def _open_browser(self, address: str) -> None:
        self.opened.append(address)
        chromium = _CHROMIUM.read_text(encoding="utf8").strip()
        words = [str(_BROWSER / "bin" / "python"), str(_PERSON), chromium, address, self._person]
        done = await anyio.run_process(words, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, done.stdout.decode()
        self.pages = json.loads(done.stdout)

    async def _take_code(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(self.back)


@asynccontextmanager
async def open_host(url: str, person: str, *, registration: str) -> AsyncIterator[Host]:
    """Open a host of this person for the server at this address.

    Args:
        url: The server, as the person types it in.
        person: The name with which the person signs in.
        registration: How the identity provider knows the host: it is ``known`` already, registers itself
            (``dynamic``), or names its metadata ``document``.
    """
    hosts: list[Host] = []

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        await hosts[0].answer(reader, writer)

    async with await start_server(answer, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        hosts.append(Host(url, person, f"http://127.0.0.1:{port}/callback", registration=registration))
        yield hosts[0]
