"""Checks the Host and Origin headers of every request before anything else."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from mcp_types import HEADER_MISMATCH
from starlette.datastructures import Headers

from telecmi_mcp._config.variables import is_loopback
from telecmi_mcp._team.http.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from telecmi_mcp._team.http.allowed_hosts import AllowedHosts

_log = logging.getLogger(__name__)

# Orchestrators use the address of a container, which cannot be configured. These paths reveal and change nothing.
OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})

# Request headers of RFC 9110 that are not lists, Origin (RFC 6454), and Last-Event-ID; MCP's own begin with a prefix.
SINGLE_HEADERS: Final = frozenset(
    {
        "authorization",
        "content-length",
        "content-location",
        "content-range",
        "content-type",
        "date",
        "from",
        "host",
        "if-modified-since",
        "if-range",
        "if-unmodified-since",
        "last-event-id",
        "last-modified",
        "max-forwards",
        "origin",
        "proxy-authorization",
        "range",
        "referer",
        "user-agent",
    }
)
_SINGLE_PREFIX = "mcp-"
_OF_MCP = f"{_SINGLE_PREFIX}*"

_NEEDS_CALLERS = "Without access keys or OAuth only programs on this machine may call: see TELECMI_CALLERS."
_FORWARDED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})


class HostOriginMiddleware:
    """Passes on requests with an allowed Host and an allowed Origin.

    A header with a single value must not be repeated: a proxy and this server could read different ones.

    Args:
        app: The app behind it.
        allowed_hosts: The allowed hosts and origins.
        this_machine_only: Whether requests of other machines are refused.
        elsewhere: The sentence for those.
    """

    def __init__(
        self, app: ASGIApp, allowed_hosts: AllowedHosts, *, this_machine_only: bool, elsewhere: str = _NEEDS_CALLERS
    ) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._this_machine_only = this_machine_only
        self._elsewhere = elsewhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it.

        Repeated headers get 400, another host 421, another origin or another machine 403.
        """
        reason = self._reason(scope) if scope["type"] == "http" else None
        if reason is None:
            await self._app(scope, receive, send)
            return
        status, sentence = reason
        _log.info("refused a request: %s", sentence)
        code = HEADER_MISMATCH if _OF_MCP in sentence else None
        await refusal(sentence, status, code=code)(scope, receive, send)

    def _reason(self, scope: Scope) -> tuple[int, str] | None:
        """Return the status and the sentence of a refusal; ``None`` for a request that is passed on."""
        if scope["path"].removeprefix(scope.get("root_path", "")) in OPEN_PATHS:
            return None
        headers = Headers(scope=scope)
        names = [name.lower() for name in headers.keys()]  # noqa: SIM118 - repeats each name as often as it was sent
        if repeated := _repeated(names):
            return 400, f"Send these headers once only, since each has a single value: {', '.join(repeated)}."
        if not self._allowed_hosts.allows_host(headers.getlist("host")):
            return 421, "This server does not answer for that host: see TELECMI_ALLOWED_HOSTS."
        if not self._allowed_hosts.allows_origin(headers.getlist("origin")):
            return 403, "Pages of that origin may not call this server: see TELECMI_ALLOWED_ORIGINS."
        if self._this_machine_only and not _is_of_this_machine(scope, names):
            return 403, self._elsewhere
        return None


def _repeated(names: Sequence[str]) -> list[str]:
    """Return the names of repeated single-value headers; of MCP's own only their prefix."""
    if len(set(names)) == len(names):
        return []
    repeated = [name for name, count in Counter(names).items() if count > 1]
    ours = {_OF_MCP for name in repeated if name.startswith(_SINGLE_PREFIX)}
    return sorted(ours.union(SINGLE_HEADERS.intersection(repeated)))


def _is_of_this_machine(scope: Scope, names: Sequence[str]) -> bool:
    """Whether no other machine can have sent the request.

    A proxy on this machine connects from loopback, and may send loopback as the host. It is recognised by the headers
    that it adds, or by HTTP/1.0, which nginx uses by default and no MCP client does.
    """
    client = scope.get("client")
    is_forwarded = not _FORWARDED.isdisjoint(names) or scope["http_version"] == "1.0"
    return client is not None and is_loopback(client[0]) and not is_forwarded
