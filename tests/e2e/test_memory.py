"""Memory over very many calls, and over paging through very many contacts: it stays as it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.book import contact_id
from benchmarks.client import Peer, Session, started
from benchmarks.standin import standing_in

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc"),
]

_CALLS = int(os.environ.get("TELECMI_TEST_CALLS", "10000"))  # `make bench-memory` takes 100,000 of both
_CONTACTS = int(os.environ.get("TELECMI_TEST_CONTACTS", "20000"))
_PAGE = 100
_WARM_UP = 500
_LIFETIME = 3600.0
_MOST_GROWTH = 2.0  # MiB; a page is 60 KB in the pipe, so one that stayed in memory for each would be 12 MiB already


def test_memory_stays_flat_over_very_many_calls_and_pages(tmp_path: Path) -> None:
    variables = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    variables |= {"PYTHONPATH": ":".join(filter(None, sys.path)), "TELECMI_RATE_LIMIT": "0"}
    peer = Peer("telecmi-mcp", (sys.executable, "-m", "telecmi_mcp"), variables)
    with (
        standing_in("--contacts", str(_CONTACTS)) as port,
        started(
            peer, address=f"http://127.0.0.1:{port}", contacts=_CONTACTS, log=tmp_path / "log", lifetime=_LIFETIME
        ) as session,
    ):
        session.shake_hands()
        session.walk(_PAGE)
        session.timed(_WARM_UP, "get_contact", contact_id=contact_id(1))
        over_calls = growth(session, lambda: session.timed(_CALLS, "get_contact", contact_id=contact_id(1)))
        over_pages = growth(session, lambda: session.walk(_PAGE))
        session.close()
    print(f"grew by {over_calls:.2f} MiB over {_CALLS:,} calls, {over_pages:.2f} over {_CONTACTS:,} contacts")  # noqa: T201 - shown with -s
    assert over_calls < _MOST_GROWTH
    assert over_pages < _MOST_GROWTH


def growth(session: Session, work: Callable[[], object]) -> float:
    """How many MiB more the process occupies after the work than before."""
    before = session.resident()
    work()
    return session.resident() - before
