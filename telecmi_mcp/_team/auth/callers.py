"""Who calls: known by an access key or an OAuth token, or nobody in particular on loopback."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import NamedTuple
from unicodedata import is_normalized

MAX_NAME = 64

_STAND_IN = "~"
_NAME = re.compile(r"\S(.*\S)?")


class Caller(NamedTuple):
    """Who calls.

    Attributes:
        name: What the caller is called in sign-ins, limits and the audit: the name of an access key, or the subject of
            an OAuth token; "" for anyone on loopback.
    """

    name: str = ""


ANYONE = Caller()


def caller_now() -> Caller:
    """Return who made the request that is being answered, as the SDK's middleware knows it."""
    from mcp.server.auth.middleware.auth_context import get_access_token  # commands need names, no SDK

    token = get_access_token()
    return ANYONE if token is None else Caller(token.subject or token.client_id)


def is_name(text: str) -> bool:
    """Whether a caller may be called so: printable, at most 64 characters, no space at either end, composed (NFC).

    Two names that are not composed could look the same and be two.
    """
    fits = len(text) <= MAX_NAME and text.isprintable() and bool(_NAME.fullmatch(text))
    return fits and is_normalized("NFC", text)


def name_of_subject(subject: str) -> str:
    """Return the name of an OAuth subject: itself where it can be one, and else a hash of it behind ``~``.

    Two subjects never have one name: what begins with ``~`` is hashed too.
    """
    if is_name(subject) and not subject.startswith(_STAND_IN):
        return subject
    digest = sha256(subject.encode(errors="surrogatepass")).digest()
    return _STAND_IN + urlsafe_b64encode(digest).decode().rstrip("=")
