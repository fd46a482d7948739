"""Parses the hosts and web origins that settings and headers name."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import NamedTuple

from telecmi_mcp._config.variables import is_loopback

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]{2,45}\]|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)(?::([0-9]{1,5}|\*))?")
_ORIGIN = re.compile(r"(https?)://([^/]+)")
_MAX_PORT = 65_535


class Authority(NamedTuple):
    """A host, and its port if one is named.

    Attributes:
        host: In lower case and without a closing dot; an IPv6 address in its shortest form, in brackets.
        port: "" if none is named; ``*`` in a rule for any.
    """

    host: str
    port: str

    @property
    def is_loopback(self) -> bool:
        """Whether it names this machine."""
        return is_loopback(self.host.strip("[]"))


def authority_of(text: str) -> Authority | None:
    """Parse a Host header or a rule; ``None`` if it is no host, or has a user or a path."""
    found = _AUTHORITY.fullmatch(text.lower())
    if found is None:
        return None
    host, port = found.group(1), found.group(2) or ""
    if port.isdecimal() and not 0 < int(port) <= _MAX_PORT:
        return None
    name = _address_of(host) if host.startswith("[") else host.removesuffix(".")
    return Authority(name, port) if name else None


def _address_of(host: str) -> str:
    try:
        return f"[{IPv6Address(host[1:-1])}]"
    except ValueError:
        return ""


def origin_of(text: str) -> tuple[str, Authority] | None:
    """Parse an Origin header or a rule into scheme and host; ``None`` if it is no origin."""
    found = _ORIGIN.fullmatch(text.lower())
    named = authority_of(found.group(2)) if found else None
    return (found.group(1), named) if found and named else None
