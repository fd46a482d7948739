"""Decides which Host and Origin headers are accepted, against DNS rebinding by web pages.

A page in a browser can send requests to any address, also to this machine, and with DNS rebinding it can read the
answers. The Host header then names the page's host, and the Origin header its origin. So both are compared with the
allowed ones: MCP, Streamable HTTP, "Security Warning". The SDK's own comparison accepts any text after ``localhost:``
as a port, an empty Origin as none, and the first of several headers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telecmi_mcp._team.config.addresses import Authority, authority_of, origin_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telecmi_mcp._team.config.settings import TeamSettings

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_ANY = "*"


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Allowed values of the Host and Origin headers.

    Attributes:
        hosts: Allowed hosts; ``*.`` before a host allows every name below it.
        origins: Allowed origins: a scheme and a host.
        loopback: Whether the names of this machine are allowed too, with any port.
    """

    hosts: tuple[Authority, ...] = ()
    origins: tuple[tuple[str, Authority], ...] = ()
    loopback: bool = True

    @classmethod
    def of(cls, settings: TeamSettings) -> AllowedHosts:
        """Return the rules of the settings; the host of the public address is allowed too."""
        origins = tuple(filter(None, map(origin_of, settings.allowed_origins)))
        return cls(settings.hosts, origins, loopback=settings.listen.is_loopback)

    def allows_host(self, headers: Sequence[str]) -> bool:
        """Whether the Host headers of a request are exactly one, and its host is allowed."""
        named = authority_of(headers[0]) if _is_one(headers) else None
        return named is not None and ((self.loopback and named.is_loopback) or self._is_allowed_host(named))

    def allows_origin(self, headers: Sequence[str]) -> bool:
        """Whether a request has no Origin header, or exactly one that is allowed; only browsers send one."""
        if not headers:
            return True
        origin = origin_of(headers[0]) if _is_one(headers) else None
        return origin is not None and ((self.loopback and origin[1].is_loopback) or self._is_allowed_origin(origin))

    def allows_cors_origin(self, header: str) -> bool:
        """Whether a web page of this origin may read answers: loopback alone is not enough."""
        origin = origin_of(header) if _is_one([header]) else None
        return origin is not None and self._is_allowed_origin(origin)

    def _is_allowed_host(self, named: Authority) -> bool:
        ports = tuple(_DEFAULT_PORTS.values())
        return any(_fits(named, rule, ports) for rule in self.hosts)

    def _is_allowed_origin(self, origin: tuple[str, Authority]) -> bool:
        scheme, named = origin
        ports = (_DEFAULT_PORTS[scheme],)
        return any(each == scheme and _fits(named, rule, ports) for each, rule in self.origins)


def _is_one(headers: Sequence[str]) -> bool:
    return len(headers) == 1 and _ANY not in headers[0]  # a wildcard has a meaning in rules only


def _fits(named: Authority, rule: Authority, defaults: tuple[str, ...]) -> bool:
    return _fits_host(named.host, rule.host) and _fits_port(named.port, rule.port, defaults)


def _fits_host(host: str, rule: str) -> bool:
    return host.endswith(rule[1:]) and host != rule[1:] if rule.startswith("*.") else host == rule


def _fits_port(port: str, rule: str, defaults: tuple[str, ...]) -> bool:
    """A rule without a port allows the default ports, named or not: a proxy may listen on either."""
    return rule in {_ANY, port} or (not rule and port in defaults) or (not port and rule in defaults)
