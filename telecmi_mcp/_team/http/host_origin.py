"""What every request passes before anything else looks at it: who is it for, and where does it come from."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from telecmi_mcp._config.variables import is_loopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from telecmi_mcp._team.http.allowed_hosts import AllowedHosts

_log = logging.getLogger(__name__)

# Orchestrators ask by the address of a container, which nobody can list. There is nothing to read or to do there.
OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})

# The fields of RFC 9110 that are no lists and that a request may have, Origin (RFC 6454), and those of MCP besides.
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

_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


class HostOriginMiddleware:
    """Lets in what is addressed to this server, by a Host and an Origin header that were allowed.

    A header that has one value may not be repeated: a proxy and this server could each read another one of them.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: AllowedHosts, *, this_machine_only: bool) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._this_machine_only = this_machine_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it.

        400 is for repeated headers, 421 for another host, 403 for another origin or another machine.
        """
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, sentence = refusal
        _log.info("refused a request: %s", sentence)
        await PlainTextResponse(sentence, status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if scope["path"] in OPEN_PATHS:
            return None
        headers = Headers(scope=scope)
        if repeated := _repeated(headers):
            return 400, f"Send these headers once only, since each has a single value: {', '.join(repeated)}."
        if not self._allowed_hosts.allows_host(headers.getlist("host")):
            return 421, "This server does not answer for that host: see TELECMI_ALLOWED_HOSTS."
        if not self._allowed_hosts.allows_origin(headers.getlist("origin")):
            return 403, "Pages of that origin may not call this server: see TELECMI_ALLOWED_ORIGINS."
        if self._this_machine_only and not _is_of_this_machine(scope, headers):
            return 403, "Without access keys or OAuth only programs on this machine may call: see TELECMI_CALLERS."
        return None


def _repeated(headers: Headers) -> list[str]:
    """Return the names of the headers that are repeated and may not be; of MCP's own only how they begin."""
    counts = Counter(name.lower() for name in headers.keys())  # noqa: SIM118 - each name as often as it was sent
    repeated = [name for name, count in counts.items() if count > 1]
    ours = {f"{_SINGLE_PREFIX}*" for name in repeated if name.startswith(_SINGLE_PREFIX)}
    return sorted(ours.union(SINGLE_HEADERS.intersection(repeated)))


def _is_of_this_machine(scope: Scope, headers: Headers) -> bool:
    """Whether no other machine can have sent it.

    A proxy on this machine connects from loopback, and may name loopback as the host: what it adds gives it away, or
    that it speaks HTTP/1.0, which nginx does by default and no client of MCP does.
    """
    client = scope.get("client")
    is_forwarded = any(name in headers for name in _FORWARDED) or scope["http_version"] == "1.0"
    return client is not None and is_loopback(client[0]) and not is_forwarded
