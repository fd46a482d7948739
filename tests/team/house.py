"""A stage whose callers have TeleCMI sign-ins of their own, and everything secret in it by name."""

from __future__ import annotations

import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from team.collector import opened_collector
from team.postgres import PASSWORD
from team.stage import open_stage, run_command
from team.telecmi import opened_telecmi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from team.collector import Collector
    from team.stage import Stage
    from team.telecmi import User

_PATIENCE = 120.0  # seconds, against hanging only


class House:
    """The stage, and what its callers have.

    Attributes:
        stage: What runs.
        telecmi: The address of the pretend TeleCMI.
        collector: Where spans and metrics go.
        keys: The callers' access keys, by name.
        secrets: All that must be told nowhere.
    """

    def __init__(self, stage: Stage, telecmi: str, collector: Collector, users: Sequence[User]) -> None:
        self.stage = stage
        self.telecmi = telecmi
        self.collector = collector
        names = [each.name for each in users]
        self.keys = dict(zip(names, stage.keys(names), strict=True))
        self.secrets = [PASSWORD, *self.keys.values()]
        self.secrets += [secret for each in users for secret in (each.password, each.token)]

    def sign_in(self, someone: User) -> None:
        """Sign a caller in to TeleCMI, as whoever runs the server does."""
        words = ("team", "sign-in", someone.name, "--user-id", someone.user_id, "--password-stdin")
        self.stage.run(*words, "--remember-password", sent=f"{someone.password}\n")

    @asynccontextmanager
    async def web(self, key: str) -> AsyncIterator[httpx2.AsyncClient]:
        """Give an HTTP client that knows nginx's certificate and sends a key."""
        tls = ssl.create_default_context(cafile=self.stage.certificate)
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(headers=headers, verify=tls, timeout=_PATIENCE, trust_env=False) as web:
            yield web

    @asynccontextmanager
    async def client(self, someone: User, mode: str = "2026-07-28") -> AsyncIterator[Client]:
        """Give the SDK's client as a caller."""
        async with (
            self.web(self.keys[someone.name]) as web,
            Client(streamable_http_client(self.stage.url, http_client=web), mode=mode) as client,
        ):
            yield client


@contextmanager
def opened_house(folder: Path, *users: User) -> Iterator[House]:
    """Start all of it, and sign the users in."""
    key = run_command("team", "new-key")[0].strip()
    key_file = folder / "encryption-keys"
    key_file.touch(0o600)
    key_file.write_text(f"{key}\n", encoding="utf8")
    with opened_collector() as collector, opened_telecmi(*users) as telecmi:
        variables = {
            "TELECMI_BASE_URL": telecmi,
            "TELECMI_SIGN_INS": "callers",
            "TELECMI_ENCRYPTION_KEYS_FILE": str(key_file),
            "TELECMI_LOG_LEVEL": "DEBUG",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }
        with open_stage(folder, **variables) as stage:
            house = House(stage, telecmi, collector, users)
            house.secrets.append(key)
            with ThreadPoolExecutor(2) as threads:
                list(threads.map(house.sign_in, users))
            yield house
