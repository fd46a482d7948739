"""Time of an attempt, delays between retries, and a budget for retries that all calls to one host share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = 8.0
_ATTEMPT_FRACTION = 0.98


def attempt_timeout_s() -> float:
    """Return the timeout of an attempt, which ends shortly before the deadline of its call.

    A cancelled attempt would not be recorded, and httpcore2 leaks a TLS handshake that is cancelled.
    """
    return max(0.0, anyio.current_effective_deadline() - anyio.current_time()) * _ATTEMPT_FRACTION


def retry_delay_s(retry: int, *, retry_after: float | None, rng: Callable[[], float]) -> float:
    """Return the seconds to wait before the ``retry``-th retry (from 1): what TeleCMI asked for, else full jitter.

    Full jitter draws evenly from 0 to a ceiling that doubles from 0.5 to 8 s.
    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    if retry_after is not None:
        return retry_after
    ceiling: float = min(_MAX_DELAY_S, _FIRST_DELAY_S * 2 ** (retry - 1))
    return rng() * ceiling


@dataclass(slots=True)
class RetryBudget:
    """Number of retries that the process may still make, so that each call to a dead TeleCMI soon sends one request.

    A retry costs one; each answered request returns a tenth.
    Source: the retry throttling of gRPC (proposal A6).
    """

    capacity: float = 10.0
    refund: float = 0.1
    _left: float = field(init=False)

    def __post_init__(self) -> None:
        self._left = self.capacity

    def take(self) -> bool:
        """Spend one retry; return False if none is left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def succeed(self) -> None:
        """Record an answered request."""
        self._left = min(self.capacity, self._left + self.refund)
