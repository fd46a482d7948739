"""Proxies, certificates and names that do not work, met by a process of its own: all of it is in the environment."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from faults.plays import MARK, TOKEN
from faults.server import FaultServer
from faults.surroundings import SURROUNDINGS, Surrounding, authority
from telecmi_mcp.errors import TelecmiError

if TYPE_CHECKING:
    from telecmi_mcp._models import ContactPage

_ONE_CALL = Path(__file__).with_name("one_call.py")
_ENDLESS = 60

pytestmark = pytest.mark.slow  # a process for each


@pytest.mark.parametrize("surrounding", SURROUNDINGS, ids=[one.name for one in SURROUNDINGS])
async def test_a_fault_of_the_surroundings_ends_as_the_table_says(surrounding: Surrounding, tmp_path: Path) -> None:
    authority().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "empty.pem").touch()
    tls = surrounding.tls() if surrounding.tls else None
    proxy, closed = FaultServer(surrounding.script, tls=tls, proxy=tls is not None), FaultServer.deaf()
    await proxy.listen()
    try:
        met = await _call(surrounding, surrounding.environ_of(proxy=proxy.url, closed=closed.url, tmp=tmp_path))
    finally:
        await proxy.close()
        await closed.close()
    _expect(surrounding, met)
    assert proxy.connections <= surrounding.tries


async def _call(surrounding: Surrounding, environ: dict[str, str]) -> dict[str, Any]:
    with anyio.fail_after(_ENDLESS):
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "error",
            str(_ONE_CALL),
            str(surrounding.calls),
            env=_environment(surrounding, environ),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await child.communicate()
    assert child.returncode == 0
    assert "bytes that belong to no answer" in err.decode() if surrounding.has_surplus else err == b""
    assert MARK.encode() not in err
    assert TOKEN.encode() not in out
    assert MARK.encode() not in out
    met: dict[str, Any] = json.loads(out)
    return met


def _environment(surrounding: Surrounding, environ: dict[str, str]) -> dict[str, str]:
    ours = {"TELECMI_TOKEN": TOKEN, "TELECMI_BASE_URL": surrounding.url, "TELECMI_TIMEOUT": "20"}
    return {**ours, **environ, "PYTHONPATH": ":".join(filter(None, sys.path))}


def _expect(surrounding: Surrounding, met: dict[str, Any]) -> None:
    outcome = surrounding.outcome
    if isinstance(outcome, TelecmiError):
        assert (met["error"], met["sentence"]) == (type(outcome).__name__, str(outcome))
        assert len(met["sentence"]) <= 200
    else:
        page: ContactPage = outcome  # type: ignore[assignment]  # no surrounding asks for a contact or for nothing
        assert met["contacts"] == [contact._asdict() for contact in page.contacts]
    assert met["tries"] == max(1, surrounding.tries)
