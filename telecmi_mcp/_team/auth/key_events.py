"""Tells the log and the audit of keys that have ended or end soon."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

_log = logging.getLogger(__name__)

KEY_ENDED: Final = "key_ended"
KEY_ENDS_SOON: Final = "key_ends_soon"
KEY_MASK_UNKNOWN: Final = "key_mask_unknown"

_SENTENCES = {
    KEY_ENDED: "a key was refused because it has ended",
    KEY_ENDS_SOON: "a key ends soon: run telecmi-mcp team key rotate",
    KEY_MASK_UNKNOWN: "a key was refused because this version cannot mask a field that it masks",
}


class KeyEvent(NamedTuple):
    """Something that an administrator should know of a key.

    Attributes:
        event: ``key_ended``, ``key_ends_soon`` or ``key_mask_unknown``.
        caller: The caller that the key belongs to.
        key_id: The id of the key, never the key.
        ends_at: The end of the key, if the event is about one that comes.
    """

    event: str
    caller: str
    key_id: str
    ends_at: datetime | None = None


class KeyEvents:
    """Passes events to the log, and to the audit while one is open. Thread-safe."""

    def __init__(self) -> None:
        self._audit: Callable[[KeyEvent], None] | None = None

    @contextmanager
    def audited_by(self, write: Callable[[KeyEvent], None]) -> Iterator[None]:
        """Pass the events of the context to the audit too."""
        self._audit = write
        try:
            yield
        finally:
            self._audit = None

    def tell(self, event: KeyEvent) -> None:
        """Pass one event on."""
        ends = f", at {event.ends_at.isoformat(timespec='minutes')}" if event.ends_at else ""
        _log.warning("%s: key %s of %s%s", _SENTENCES[event.event], event.key_id, event.caller, ends)
        audit = self._audit
        if audit is not None:
            audit(event)
