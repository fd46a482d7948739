"""Records the requests that the sandbox received."""

import json
from collections import deque
from dataclasses import dataclass, field

from starlette.requests import Request

# Enough for a test, and no leak in a sandbox that serves for days.
_KEPT_REQUESTS = 1_000


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it came; `body` is the parsed JSON, or None where it was none."""

    method: str
    path: str
    body: object = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def body_keys(self) -> tuple[str, ...]:
        """The names in the body, in the order in which they came."""
        return tuple(self.body) if isinstance(self.body, dict) else ()


@dataclass(slots=True)
class SandboxState:
    """Counts since the start, the last 1,000 requests, and the tokens that logins brought, oldest first."""

    request_count: int = 0
    login_count: int = 0
    requests: deque[SeenRequest] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))
    tokens: list[str] = field(default_factory=list, repr=False)

    def note(self, request: Request, body: bytes) -> None:
        """Remember one request, whatever it is."""
        self.request_count += 1
        headers = tuple(request.headers.items())
        self.requests.append(SeenRequest(request.method, request.scope["path"], _parsed(body), headers))


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
