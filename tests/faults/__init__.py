"""The table of faults: everything that can go wrong between this program and TeleCMI, and the expected result."""

from __future__ import annotations

from .connections import FLOODS, INTERRUPTIONS, SILENCE, TLS
from .strangers import CODINGS, NO_DATA, NOT_HTTP, REDIRECTS, STRANGE_JSON
from .surplus import SURPLUS
from .verdicts import FAILURES, RATE_LIMITS, REFUSALS, WRONG_ANSWERS

SECTIONS = {
    "No connection, or half of one": INTERRUPTIONS,
    "Silence and drips": SILENCE,
    "Too much": FLOODS,
    "Something that is not HTTP": NOT_HTTP,
    "Bytes that belong to no answer": SURPLUS,
    "Redirects": REDIRECTS,
    "Compressed bodies": CODINGS,
    "Web pages instead of data": NO_DATA,
    "Strange JSON": STRANGE_JSON,
    "TeleCMI is down, or fails": FAILURES,
    "TeleCMI asks to slow down": RATE_LIMITS,
    "TeleCMI refuses": REFUSALS,
    "Answers to another question": WRONG_ANSWERS,
    "Secure connections": TLS,
}
FAULTS = tuple(fault for section in SECTIONS.values() for fault in section)
