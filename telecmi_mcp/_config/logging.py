"""Configures the log: one sanitized line for each record, on stderr, without secrets."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._sanitize import clean

if TYPE_CHECKING:
    from telecmi_mcp._config.settings import Settings

_MAX_LINE_CHARS = 2000
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class LineFormatter(logging.Formatter):
    """Formats a record as one sanitized line without secrets."""

    def __init__(self, secrets: KnownSecrets | None = None, *, pattern: str = _TEXT) -> None:
        super().__init__(pattern)
        self._secrets = secrets or KnownSecrets()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of the record."""
        return clean(self._secrets.hide(super().format(record)), limit=_MAX_LINE_CHARS)


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object on one line, in ASCII: time, level, logger and message.

    The message is sanitized and has no secrets, like the line of ``LineFormatter``; a traceback is part of it.
    """

    def __init__(self, secrets: KnownSecrets | None = None) -> None:
        super().__init__()
        self._message = LineFormatter(secrets, pattern="%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of the record."""
        time = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")
        facts = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._message.format(record),
        }
        return json.dumps(facts)


def configure_logging(settings: Settings, secrets: KnownSecrets | None = None) -> None:
    """Log the records of every logger to stderr, from the level of the settings on.

    Args:
        settings: The configuration, whose secrets are removed from every line.
        secrets: More secrets to remove; secrets that are added later are removed from then on.
    """
    known = secrets or KnownSecrets()
    known.add(settings.token, settings.password)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(known) if settings.log_format == "json" else LineFormatter(known))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
