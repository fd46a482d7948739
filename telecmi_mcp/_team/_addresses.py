"""Which Host and Origin headers are let in: pure rules, against web pages that reach a server under another's name.

A page that a browser shows may send requests to any address, also to this machine, and with DNS rebinding it may read
what comes back. Then the Host header names the page's own host, and the Origin header its origin. So both are compared
with what was allowed: MCP, Streamable HTTP, "Security Warning". The SDK's own comparison takes any text after
``localhost:`` for a port, an empty Origin for none, and the first of several headers for all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from telecmi_mcp._variables import is_loopback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telecmi_mcp._team._settings import TeamSettings

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]{2,45}\]|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)(?::([0-9]{1,5}|\*))?")
_ORIGIN = re.compile(r"(https?)://([^/]+)")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_ANY = "*"
_MAX_PORT = 65_535


class Authority(NamedTuple):
    """A host, and a port where one is named.

    Attributes:
        host: In lower case and without a closing dot; an IPv6 address in its shortest form, in brackets.
        port: "" where none is named, ``*`` in a rule for any.
    """

    host: str
    port: str

    @property
    def is_loopback(self) -> bool:
        """Whether it means this machine."""
        return is_loopback(self.host.strip("[]"))


@dataclass(frozen=True, slots=True)
class Guests:
    """Who is let in.

    Attributes:
        hosts: What a Host header may be; ``*.`` in front of a host stands for every name below it.
        origins: What an Origin header may be: a scheme, and the same.
        loopback: Whether this machine's own names, with any port, are let in too.
    """

    hosts: tuple[Authority, ...] = ()
    origins: tuple[tuple[str, Authority], ...] = ()
    loopback: bool = True

    @classmethod
    def of(cls, settings: TeamSettings) -> Guests:
        """Return who the settings let in: the host of the public address is one of the hosts."""
        public = urlsplit(settings.public_url).netloc
        hosts = [*settings.allowed_hosts, *([public] if public else [])]
        origins = map(origin_of, settings.allowed_origins)
        return cls(
            hosts=tuple(filter(None, map(authority_of, hosts))),
            origins=tuple(filter(None, origins)),
            loopback=settings.listen.is_loopback,
        )

    def let_in_host(self, headers: Sequence[str]) -> bool:
        """Whether all Host headers of a request together name one host that is let in."""
        named = authority_of(headers[0]) if _is_one(headers) else None
        return named is not None and ((self.loopback and named.is_loopback) or self._is_allowed_host(named))

    def let_in_origin(self, headers: Sequence[str]) -> bool:
        """Whether the Origin headers of a request do: a program that is no browser sends none."""
        if not headers:
            return True
        origin = origin_of(headers[0]) if _is_one(headers) else None
        return origin is not None and ((self.loopback and origin[1].is_loopback) or self._is_allowed_origin(origin))

    def shows_answers_to(self, header: str) -> bool:
        """Whether a web page of this origin may read answers: one that was allowed by its name."""
        origin = origin_of(header) if _is_one([header]) else None
        return origin is not None and self._is_allowed_origin(origin)

    def _is_allowed_host(self, named: Authority) -> bool:
        ports = tuple(_DEFAULT_PORTS.values())
        return any(_fits(named, rule, ports) for rule in self.hosts)

    def _is_allowed_origin(self, origin: tuple[str, Authority]) -> bool:
        scheme, named = origin
        ports = (_DEFAULT_PORTS[scheme],)
        return any(each == scheme and _fits(named, rule, ports) for each, rule in self.origins)


def authority_of(text: str) -> Authority | None:
    """Return what a Host header, or a rule, names; ``None`` where it is no host: also with a user or a path."""
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
    """Return the scheme and the host that an Origin header, or a rule, names; ``None`` where it is no origin."""
    found = _ORIGIN.fullmatch(text.lower())
    named = authority_of(found.group(2)) if found else None
    return (found.group(1), named) if found and named else None


def _is_one(headers: Sequence[str]) -> bool:
    return len(headers) == 1 and _ANY not in headers[0]  # in a rule it stands for others, in a header for nothing


def _fits(named: Authority, rule: Authority, defaults: tuple[str, ...]) -> bool:
    return _fits_host(named.host, rule.host) and _fits_port(named.port, rule.port, defaults)


def _fits_host(host: str, rule: str) -> bool:
    return host.endswith(rule[1:]) and host != rule[1:] if rule.startswith("*.") else host == rule


def _fits_port(port: str, rule: str, defaults: tuple[str, ...]) -> bool:
    """A rule without a port means the default ports, named or not: a proxy in front may listen on either."""
    return rule in {_ANY, port} or (not rule and port in defaults) or (not port and rule in defaults)
