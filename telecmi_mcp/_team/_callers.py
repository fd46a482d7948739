"""Who calls: known by an access key or an OAuth token, or nobody in particular on loopback."""

from __future__ import annotations

from typing import NamedTuple


class Caller(NamedTuple):
    """Who calls.

    Attributes:
        name: What the caller is called in sign-ins, limits and the audit: the name of an access key, or the subject of
            an OAuth token; "" for anyone on loopback.
    """

    name: str = ""


ANYONE = Caller()
