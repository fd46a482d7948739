"""Makes an error of the status of an HTTP response, or of an exception of the HTTP client."""

from __future__ import annotations

import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx2

from telecmi_mcp import errors
from telecmi_mcp._api.transport import exception_chain, socks_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MAX_WAIT_DIGITS = 6
_REDIRECTS = range(300, 400)


def foreign_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions of a request that ``explain`` knows."""
    return httpx2.HTTPError, OSError, *socks_errors()


def explain(error: Exception, *, proxied: bool) -> errors.TelecmiError:
    """Return our error for an exception; its text may hold bytes of the response and is not repeated."""
    name = type(error).__name__
    # Not isinstance: a handshake that was cut off raises a subclass, and may succeed the next time.
    if any(type(cause) in {ssl.SSLError, ssl.SSLCertVerificationError} for cause in exception_chain(error)):
        return errors.TeamServerInsecure(detail=name)
    if isinstance(error, (httpx2.ProxyError, *socks_errors())) or (proxied and isinstance(error, httpx2.ConnectError)):
        return errors.ProxyOrCertificate(detail=name)
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return errors.TeamServerUnreachable(detail=name)
    if isinstance(error, httpx2.SSEError):
        return errors.TeamAnswerUnusable(detail=name)
    return errors.TeamServerInterrupted(detail=name)


def refusal(response: httpx2.Response) -> errors.TelecmiError | None:
    """Return our error for a status after which the body is not read; ``None`` if the body decides.

    401 is not among them: its error depends on whether a key was sent.
    """
    status = response.status_code
    if status in _BY_STATUS:
        return _BY_STATUS[status](response)
    if status in _REDIRECTS:
        return errors.NotTeamServer(fact="the response was a redirect, which was not followed")
    return errors.TeamServerFailed() if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None


def _denied(_: httpx2.Response) -> errors.TelecmiError:
    return errors.AccessDenied()


def _busy(response: httpx2.Response) -> errors.TelecmiError:
    return errors.TeamServerBusy(_retry_after(response))


def _unavailable(response: httpx2.Response) -> errors.TelecmiError:
    return errors.TeamServerUnavailable(_retry_after(response))


def _too_long(_: httpx2.Response) -> errors.TelecmiError:
    return errors.InvalidArguments(hint="Pass shorter arguments", fact="the team server takes at most 1 MiB")


def _proxy_denied(_: httpx2.Response) -> errors.TelecmiError:
    return errors.ProxyOrCertificate()


_BY_STATUS: Mapping[int, Callable[[httpx2.Response], errors.TelecmiError]] = {
    HTTPStatus.FORBIDDEN: _denied,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: _proxy_denied,
    HTTPStatus.REQUEST_TIMEOUT: _busy,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _too_long,
    HTTPStatus.MISDIRECTED_REQUEST: _denied,
    HTTPStatus.TOO_MANY_REQUESTS: _busy,
    HTTPStatus.BAD_GATEWAY: _unavailable,
    HTTPStatus.SERVICE_UNAVAILABLE: _unavailable,
    HTTPStatus.GATEWAY_TIMEOUT: _unavailable,
}


def _retry_after(response: httpx2.Response) -> float | None:
    """Return the seconds of Retry-After; ``None`` for a date, which the team server never sends."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_WAIT_DIGITS else None
