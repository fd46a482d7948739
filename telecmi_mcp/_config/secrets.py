"""Checks the form of tokens and passwords, and removes known secrets from text."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pydantic import SecretStr

_TOKEN = re.compile(r"[!-~]{1,4096}")
_MAX_PASSWORD_CHARS = 1024
_REMOVED = "[removed]"


def is_token(text: str) -> bool:
    """Return True if a text may be a token: printable ASCII without spaces."""
    return bool(_TOKEN.fullmatch(text))


def is_password(text: str) -> bool:
    """Return True if a text may be a password: one line, not empty."""
    return 0 < len(text) <= _MAX_PASSWORD_CHARS and text.isprintable()


class KnownSecrets:
    """Set of the tokens and passwords of this process, each in every encoding in which a text may hold it."""

    def __init__(self) -> None:
        self._forms: dict[str, None] = {}

    def add(self, *secrets: SecretStr | None) -> None:
        """Add secrets; ignore ``None``."""
        for secret in secrets:
            if secret is not None:
                self._forms |= dict.fromkeys(_forms(secret.get_secret_value()))

    def hide(self, text: str) -> str:
        """Return the text with every known secret replaced."""
        for form in self._forms:
            text = text.replace(form, _REMOVED)
        return text


def _forms(secret: str) -> tuple[str, ...]:
    raw = secret.encode()
    return (
        secret,
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        b64encode(raw).decode().rstrip("="),
        urlsafe_b64encode(raw).decode().rstrip("="),
    )
