"""Log lines: one each, to stderr, harmless and without secrets."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from telecmi_mcp._clean import clean

if TYPE_CHECKING:
    from telecmi_mcp._settings import Settings

_LINE_LIMIT = 2000
_REMOVED = "[removed]"


class LineFormatter(logging.Formatter):
    """Puts a record on one line, cleaned, with the secrets taken out."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, _REMOVED)
        return clean(line, limit=_LINE_LIMIT)


def configure_logging(settings: Settings) -> None:
    """Send every logger's records of the settings' level and above to stderr."""
    secrets = (settings.token.get_secret_value(),) if settings.token else ()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(secrets))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
