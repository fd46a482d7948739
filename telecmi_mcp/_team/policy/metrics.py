"""Measures and traces calls and requests by OpenTelemetry's API, which costs little without a provider.

No attribute names a caller, an account or a contact. Tools and outcomes are a few fixed words.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind, StatusCode

from telecmi_mcp import __version__
from telecmi_mcp._api.protocol import CONTACT_PATH
from telecmi_mcp._mcp.call_record import CANCELLED, DEFECT, OK
from telecmi_mcp.errors import TelecmiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

    from telecmi_mcp._audit.log import Entry

_NAME = "telecmi_mcp"
# The API's default is for milliseconds.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class MetricsObserver(Protocol):
    """Gets every measurement too, for the pages of administrators."""

    def count_call(self, entry: Entry) -> None:
        """Count a call that has ended."""

    def count_request(self, outcome: str, seconds: float) -> None:
        """Count a request to TeleCMI that has ended."""

    def count_limit(self, limit: str) -> None:
        """Count a call that a limit refused."""

    def count_surplus(self) -> None:
        """Count a connection that was closed because TeleCMI sent bytes that belong to no answer."""


class Metrics:
    """Instruments of the team server.

    Args:
        meter: Creates instruments; by default the process's meter.
        tracer: Creates spans of requests to TeleCMI; by default the process's tracer.
        observers: Get every measurement too.
        clock: Returns seconds of a monotonic clock.

    Attributes:
        clock: The clock.
    """

    def __init__(
        self,
        meter: Meter | None = None,
        tracer: Tracer | None = None,
        *,
        observers: Sequence[MetricsObserver] = (),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        meter = meter or metrics.get_meter(_NAME, __version__)
        self._tracer = tracer or trace.get_tracer(_NAME, __version__)
        self._observers = observers
        self.clock = clock
        self._calls = meter.create_counter(f"{_NAME}.calls", "{call}", "Calls, by method, tool and outcome")
        histogram = partial(meter.create_histogram, unit="s", explicit_bucket_boundaries_advisory=SECONDS)
        self._durations = histogram(f"{_NAME}.call.duration", description="How long calls took")
        self._contacts = meter.create_counter(f"{_NAME}.contacts", "{contact}", "Contacts that answers held")
        self._requests = meter.create_counter(f"{_NAME}.requests", "{request}", "Requests to TeleCMI, by outcome")
        self._request_durations = histogram(
            f"{_NAME}.request.duration", description="How long requests to TeleCMI took"
        )
        self._limits = meter.create_counter(f"{_NAME}.limits", "{refusal}", "Calls that a limit refused, by limit")
        self._surplus = meter.create_counter(
            f"{_NAME}.connections.surplus",
            "{connection}",
            "Connections to TeleCMI that were closed because bytes came that belong to no answer",
        )

    def count_call(self, entry: Entry) -> None:
        """Count a call that has ended."""
        kind = {"method": entry.method, "tool": entry.tool}
        self._calls.add(1, {**kind, "outcome": entry.outcome})
        self._durations.record(entry.seconds, kind)
        if entry.contacts:
            self._contacts.add(entry.contacts, kind)
        for observer in self._observers:
            observer.count_call(entry)

    def count_limit(self, limit: str) -> None:
        """Count a call that a limit refused: ``caller_rate``, ``caller_concurrency`` or ``account_rate``."""
        self._limits.add(1, {"limit": limit})
        for observer in self._observers:
            observer.count_limit(limit)

    def count_surplus(self) -> None:
        """Count a connection that was closed because TeleCMI sent bytes that belong to no answer."""
        self._surplus.add(1)
        for observer in self._observers:
            observer.count_surplus()

    @contextmanager
    def watch(self, retry: int) -> Iterator[Callable[[int], None]]:
        """Measure and trace one request to TeleCMI; yield a function that takes its HTTP status."""
        started_at, outcome = self.clock(), CANCELLED
        with self._tracer.start_as_current_span(
            f"POST {CONTACT_PATH}",
            kind=SpanKind.CLIENT,
            attributes={"http.request.method": "POST", "url.template": CONTACT_PATH},
            record_exception=False,  # a traceback holds more than the class of the error
            set_status_on_exception=False,
        ) as span:
            if retry:
                span.set_attribute("http.request.resend_count", retry)
            try:
                yield lambda status: span.set_attribute("http.response.status_code", status)
                outcome = OK
            except TelecmiError as error:
                outcome = error.code
                raise
            except Exception:
                outcome = DEFECT
                raise
            finally:
                if outcome != OK:
                    span.set_attribute("error.type", outcome)
                    span.set_status(StatusCode.ERROR)
                self._count_request(outcome, self.clock() - started_at)

    def _count_request(self, outcome: str, seconds: float) -> None:
        self._requests.add(1, {"outcome": outcome})
        self._request_durations.record(seconds, {"outcome": outcome})
        for observer in self._observers:
            observer.count_request(outcome, seconds)
