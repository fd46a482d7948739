"""Configures the log: one line for each record, on stderr, cleaned and without secrets."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._sanitize import clean

if TYPE_CHECKING:
    from telecmi_mcp._config.settings import Settings

_LINE_LIMIT = 2000


class LineFormatter(logging.Formatter):
    """Puts a record on one line, cleaned, with the secrets taken out."""

    def __init__(self, secrets: KnownSecrets | None = None) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = secrets or KnownSecrets()

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        return clean(self._secrets.hide(super().format(record)), limit=_LINE_LIMIT)


def configure_logging(settings: Settings, secrets: KnownSecrets | None = None) -> None:
    """Send every logger's records of the settings' level and above to stderr.

    Args:
        settings: The configuration; its secrets are taken out of every line.
        secrets: More of them; those that are added later are taken out from then on.
    """
    known = secrets or KnownSecrets()
    known.add(settings.token, settings.password)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(known))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
