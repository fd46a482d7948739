"""Names callers, and holds what each of them may do: by an access key, an OAuth token, or anyone on loopback."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final, NamedTuple
from unicodedata import is_normalized

from telecmi_mcp._config.variables import MASKABLE

MAX_NAME = 64

LOOKUP_MASKED: Final = "lookup:masked"
"""Scope of a token, or option of a key: the caller may ask for the whole value of a masked field."""

UNMASKED: Final = "contacts:unmasked"
"""Scope of a token: the caller sees every field, whatever the server masks."""

ENFORCED_MASKS: Final = frozenset(MASKABLE)
"""Fields that this version masks in every answer. A key that masks another field is refused, so that no version ignores
a mask that a later one has set."""

_STAND_IN = "~"
_NAME = re.compile(r"\S(.*\S)?")


class Caller(NamedTuple):
    """A verified caller.

    Attributes:
        name: Name in sign-ins, limits and the audit: of an access key, or the subject of an OAuth token; "" for anyone
            on loopback.
        scopes: Scopes of the OAuth token; of a key, its options and the scope that every key has.
        tools: Names of the tools that the caller may call; ``None`` for all.
        mask: Fields of contacts that the caller must not see.
    """

    name: str
    scopes: frozenset[str] = frozenset()
    tools: frozenset[str] | None = None
    mask: frozenset[str] = frozenset()

    def may_call(self, tool: str) -> bool:
        """Whether the caller may call a tool."""
        return self.tools is None or tool in self.tools


ANYONE: Final = Caller("")


def caller_now() -> Caller:
    """Return the current request's caller, as the server has verified it."""
    from mcp.server.auth.middleware.auth_context import get_access_token

    from telecmi_mcp._team.auth.caller_token import CallerToken

    token = get_access_token()
    if token is None:
        return ANYONE
    if isinstance(token, CallerToken):
        return token.caller
    return Caller(token.subject or token.client_id, frozenset(token.scopes))


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
