"""The table of faults as Markdown, and the file that holds it."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from telecmi_mcp._models import ContactPage
from telecmi_mcp.errors import TelecmiError

from . import SECTIONS
from .surroundings import SURROUNDINGS, Surrounding

if TYPE_CHECKING:
    from .fault import Fault

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN = "<!-- faults: written by python -m tests.faults -->\n"
END = "<!-- end of faults -->\n"

_TIMES = {0: "not asked", 1: "asked once", 2: "asked twice", 3: "asked three times"}


def documented() -> str:
    """Return the part of the document that the table of faults decides."""
    sections: dict[str, tuple[Fault | Surrounding, ...]] = {**SECTIONS, "Proxies, certificates, names": SURROUNDINGS}
    return BEGIN + "\n".join(_section(title, faults) for title, faults in sections.items()) + END


def write() -> None:
    """Put the table of faults into the document."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(before + documented() + after, encoding="utf-8")


def _section(title: str, faults: tuple[Fault | Surrounding, ...]) -> str:
    lines = [f"### {title}", "", "| What happens | What you see | TeleCMI is |", "|---|---|---|"]
    for (seen, times), alike in groupby(faults, key=lambda fault: (_seen(fault), _times(fault))):
        happens = "<br>".join(_escaped(fault.happens) for fault in alike)
        lines.append(f"| {happens} | {_escaped(seen)} | {times} |")
    return "\n".join([*lines, ""])


def _seen(fault: Fault | Surrounding) -> str:
    outcome = fault.outcome
    if isinstance(outcome, TelecmiError):
        return str(outcome)
    if outcome is None:
        return "Nothing: the call was cancelled. The connection to TeleCMI is closed at once."
    notice = outcome.notice if isinstance(outcome, ContactPage) else ""
    return f"The answer, with a notice: {notice}" if notice else "The answer."


def _times(fault: Fault | Surrounding) -> str:
    return _TIMES.get(fault.tries, f"asked {fault.tries} times")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
