"""Names callers: by an access key, by the subject of an OAuth token, or without a name on loopback."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from unicodedata import is_normalized

MAX_NAME = 64

_STAND_IN = "~"
_NAME = re.compile(r"\S(.*\S)?")


def caller_now() -> str:
    """Return the name of the current request's caller, as the SDK's middleware has verified it.

    It is the name in sign-ins, limits and the audit: of an access key, or the subject of an OAuth token; "" for anyone
    on loopback.
    """
    from mcp.server.auth.middleware.auth_context import get_access_token

    token = get_access_token()
    return "" if token is None else token.subject or token.client_id


def is_name(text: str) -> bool:
    """Whether a text can be a name: printable, at most 64 characters, no space at either end, composed (NFC).

    Without NFC two different names could look the same.
    """
    fits = len(text) <= MAX_NAME and text.isprintable() and bool(_NAME.fullmatch(text))
    return fits and is_normalized("NFC", text)


def name_of_subject(subject: str) -> str:
    """Return the name of an OAuth subject: the subject if it can be a name, else ``~`` and its hash.

    Two subjects never get the same name: a subject that begins with ``~`` is hashed too.
    """
    if is_name(subject) and not subject.startswith(_STAND_IN):
        return subject
    digest = sha256(subject.encode(errors="surrogatepass")).digest()
    return _STAND_IN + urlsafe_b64encode(digest).decode().rstrip("=")
