"""Draws a flamegraph of one kind of call: ``python -m benchmarks.flame list docs/flames/list.svg``.

py-spy samples the server a thousand times a second from outside, while one call follows the other.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench import CONTACTS, PAGE
from benchmarks.book import contact_id
from benchmarks.client import started
from benchmarks.environments import OURS, WORK, all_peers, make_profiler, python
from benchmarks.standin import HOST, standing_in
from telecmi_mcp import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.client import Session

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "get": ("get_contact", {"contact_id": contact_id(1)}),
    "list": ("list_contacts", {"limit": PAGE}),
}

_SECONDS = 10
_RATE = 1000
_WARM_UP = 200
_BATCH = 50
_TITLE = re.compile(r'(?<=<text id="title")([^>]*>)[^<]*')


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the flamegraph."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flame", description=__doc__)
    parser.add_argument("call", choices=CALLS)
    parser.add_argument("drawing", type=Path, help="the SVG file to write")
    arguments = parser.parse_args(argv)
    tool, parameters = CALLS[arguments.call]
    make_profiler()
    log = WORK / "logs" / "flame.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        standing_in("--contacts", str(CONTACTS)) as port,
        started(all_peers()[OURS](), address=f"http://{HOST}:{port}", contacts=CONTACTS, log=log) as session,
    ):
        session.shake_hands()
        session.timed(_WARM_UP, tool, **parameters)
        _draw(session, arguments.drawing, tool, parameters)
    name_drawing(arguments.drawing, f"telecmi-mcp {__version__}, {tool}: {_SECONDS} s of one call after the other")
    return 0


def _draw(session: Session, drawing: Path, tool: str, parameters: dict[str, Any]) -> None:
    drawn = threading.Event()

    def keep_busy() -> None:
        while not drawn.is_set():
            session.timed(_BATCH, tool, **parameters)

    load = threading.Thread(target=keep_busy)
    load.start()
    try:
        subprocess.run(_profiler(session.pid, drawing), check=True)
    finally:
        drawn.set()
        load.join()


def name_drawing(drawing: Path, words: str) -> None:
    """Set the title. py-spy's own is its command line, which has paths of the machine."""
    drawing.write_text(_TITLE.sub(rf"\1{words}", drawing.read_text(encoding="utf8"), count=1), encoding="utf8")


def _profiler(pid: int, drawing: Path) -> list[str]:
    spy = str(python("profiler").with_name("py-spy"))
    # One box a function, without line numbers, so that two drawings can be compared.
    how = ["--nolineno", "--rate", str(_RATE), "--duration", str(_SECONDS)]
    return [spy, "record", "--pid", str(pid), "--output", str(drawing), *how]


if __name__ == "__main__":
    raise SystemExit(main())
