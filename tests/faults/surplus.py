"""Faults of framing: bytes that follow an answer, or come before a request, and so belong to no answer."""

from __future__ import annotations

import gzip

from .fault import PAGE, Fault
from .plays import JOHN, MARK, OTHER_ID, answer, chunked, page, says, says_again, zipped

_ANSWER = answer(page())
_OTHERS = answer(page({**JOHN, "contact_id": OTHER_ID, "first_name": MARK}))
_HINTS = b"HTTP/1.1 103 Early Hints\r\n\r\n"


def _follows(name: str, happens: str, surplus: bytes, *, first: bytes = _ANSWER) -> Fault:
    """Return a fault whose surplus bytes come in the segment of the answer: each call needs a new connection."""
    return Fault(name, happens, (says(first + surplus, stays=True),), PAGE, tries=2, calls=2, connections=2)


def _precedes(name: str, happens: str, surplus: bytes) -> Fault:
    """Return a fault whose surplus bytes come while the connection is idle."""
    return Fault(name, happens, (says_again(_ANSWER, surplus),), PAGE, tries=2, calls=2, connections=2)


SURPLUS = (
    _follows("answer-twice", "The answer comes twice.", _ANSWER),
    _follows("others-answer", "The answer to another request follows the answer.", _OTHERS),
    _follows("ten-answers", "Ten answers to other requests follow the answer.", _OTHERS * 10),
    _follows("half-answer", "Half of another answer follows the answer.", _OTHERS[: len(_OTHERS) // 2]),
    _follows("half-head", "A few bytes of another answer follow the answer.", _OTHERS[:20]),
    _follows("empty-line", "An empty line follows the answer.", b"\r\n"),
    _follows("late-103", "103 Early Hints follows the answer.", _HINTS),
    _follows("late-103-and-answer", "103 Early Hints and another answer follow the answer.", _HINTS + _OTHERS),
    _follows(
        "chunks-and-answer",
        "Another answer follows an answer in chunks.",
        _OTHERS,
        first=chunked([page()[:7], page()[7:]]),
    ),
    _follows("gzip-and-answer", "Another answer follows an answer in gzip.", _OTHERS, first=zipped(page())),
    _follows(
        "gzip-member-after-the-length",
        "A member in gzip follows the announced length of a body in gzip.",
        gzip.compress(page({**JOHN, "first_name": MARK})),
        first=zipped(page()),
    ),
    _precedes("early-answer", "Another answer comes before the next request is sent.", _OTHERS),
    _precedes("early-half", "Half of another answer comes before the next request is sent.", _OTHERS[:-20]),
    _precedes("early-line", "An empty line comes before the next request is sent.", b"\r\n"),
    _precedes("early-103", "103 Early Hints comes before the next request is sent.", _HINTS),
)
