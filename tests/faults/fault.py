"""A fault: a script for TeleCMI, a call, and the expected result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telecmi_mcp._models import Contact, ContactPage

from .plays import JOHN

if TYPE_CHECKING:
    from telecmi_mcp.errors import TelecmiError

    from .server import Play

    CallRecord = TelecmiError | Contact | ContactPage | None

PAGE = ContactPage(contacts=(Contact(**JOHN),), count=150)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, and the expected result.

    Attributes:
        name: Its id in a test run.
        happens: What happens, in one sentence for the documentation.
        script: What each try meets; the last play is repeated.
        outcome: The error, with its whole sentence, or the answer; ``None`` for a cancelled call.
        tries: How often TeleCMI is asked.
        timeout: The deadline of the call in seconds. Only faults that use it up have a short one.
        contact_id: Ask for this contact; without it, for a page of ten.
        page_state: Ask for the page at this cursor.
        walk: Follow the cursors to the end; the outcome is the last page.
        calls: How many calls are made, one after the other; the outcome is the last one's.
        pauses: The waits between the tries, where they are TeleCMI's choice.
        deaf: Nothing listens on the port.
        cancelled: The caller cancels as soon as TeleCMI has the request.
        connections: Number of connections that TeleCMI sees, where it matters.
        tls: The base URL is https, whatever the script plays.
    """

    name: str
    happens: str
    script: tuple[Play, ...]
    outcome: CallRecord
    tries: int = 1
    timeout: float = 10.0
    contact_id: str | None = None
    page_state: str | None = None
    walk: bool = False
    calls: int = 1
    pauses: tuple[float, ...] | None = None
    deaf: bool = False
    cancelled: bool = False
    connections: int | None = None
    tls: bool = False
