"""The forms in which a secret could leave a process."""

from __future__ import annotations

import base64
from urllib.parse import quote


def encodings_of(secret: str) -> list[str]:
    """Return a secret as it is, encoded, and its end."""
    encoded = base64.b64encode(secret.encode()).decode()
    return [
        secret,
        encoded.rstrip("="),
        base64.urlsafe_b64encode(secret.encode()).decode(),
        quote(secret, safe=""),
        secret[-8:],
    ]
