"""Checks tokens and passwords, and keeps those that this process has met out of what it writes."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pydantic import SecretStr

_TOKEN = re.compile(r"[!-~]{1,4096}")
_MAX_PASSWORD = 1024
_REMOVED = "[removed]"


def is_token(text: str) -> bool:
    """Whether a text may be a token: printable ASCII without spaces, opaque otherwise."""
    return bool(_TOKEN.fullmatch(text))


def is_password(text: str) -> bool:
    """Whether a text may be a password: one line, not empty."""
    return 0 < len(text) <= _MAX_PASSWORD and text.isprintable()


class KnownSecrets:
    """Tokens and passwords of the configuration, of stores and of logins, in the forms in which text carries them."""

    def __init__(self) -> None:
        self._forms: dict[str, None] = {}

    def add(self, *secrets: SecretStr | None) -> None:
        """Note secrets; ``None`` is none."""
        for secret in secrets:
            if secret is not None:
                self._forms |= dict.fromkeys(_forms(secret.get_secret_value()))

    def hide(self, text: str) -> str:
        """Return the text without them."""
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
