"""Records the requests that the sandbox received."""

import json
from collections import deque
from dataclasses import dataclass, field

from starlette.requests import Request

# Enough for a test, and bounded for a sandbox that runs for days.
_MAX_REQUESTS = 1_000


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One received request; `body` is the parsed JSON, or None if it was not JSON."""

    method: str
    path: str
    body: object = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def body_keys(self) -> tuple[str, ...]:
        """The keys of the body in their order."""
        return tuple(self.body) if isinstance(self.body, dict) else ()


@dataclass(slots=True)
class SandboxState:
    """Counts since the start, the last 1,000 requests, and the tokens of all logins, the oldest first."""

    request_count: int = 0
    login_count: int = 0
    requests: deque[SeenRequest] = field(default_factory=lambda: deque(maxlen=_MAX_REQUESTS))
    tokens: list[str] = field(default_factory=list, repr=False)

    def note(self, request: Request, body: bytes) -> None:
        """Record one request."""
        self.request_count += 1
        headers = tuple(request.headers.items())
        self.requests.append(SeenRequest(request.method, request.scope["path"], _parsed(body), headers))


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
