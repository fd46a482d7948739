"""Counts calls and requests in Prometheus' form, under the names that its rules make of the OpenTelemetry metrics.

OpenTelemetry's own exporter for Prometheus is not used: docs/decisions/0104-two-pages-for-administrators.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from telecmi_mcp import __version__
from telecmi_mcp._team.policy.metrics import SECONDS

if TYPE_CHECKING:
    from telecmi_mcp._audit.log import Entry

_NAME = "telecmi_mcp"
_KIND = ("method", "tool")


class PrometheusMetrics:
    """The instruments of ``Metrics``, and the memory, CPU and open files of the process.

    Labels are methods, tools, outcomes and limits: a few fixed words. None names a caller, an account or a contact.

    Args:
        replica: Name of this process, the same as in the audit.
    """

    def __init__(self, replica: str) -> None:
        # Else each series has a second one, with the time of its first measurement.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info(_NAME, "This process", registry=registry).info({"version": __version__, "replica": replica})
        self._calls = Counter(
            f"{_NAME}_calls", "Calls, by method, tool and outcome", (*_KIND, "outcome"), registry=registry
        )
        self._durations = Histogram(
            f"{_NAME}_call_duration_seconds", "How long calls took", _KIND, buckets=SECONDS, registry=registry
        )
        self._contacts = Counter(f"{_NAME}_contacts", "Contacts that answers held", _KIND, registry=registry)
        self._requests = Counter(
            f"{_NAME}_requests", "Requests to TeleCMI, by outcome", ("outcome",), registry=registry
        )
        self._request_durations = Histogram(
            f"{_NAME}_request_duration_seconds",
            "How long requests to TeleCMI took",
            ("outcome",),
            buckets=SECONDS,
            registry=registry,
        )
        self._limits = Counter(f"{_NAME}_limits", "Calls that a limit refused, by limit", ("limit",), registry=registry)
        self._surplus = Counter(
            f"{_NAME}_connections_surplus",
            "Connections to TeleCMI that were closed because bytes came that belong to no answer",
            registry=registry,
        )

    def count_call(self, entry: Entry) -> None:
        kind = (entry.method, entry.tool)
        self._calls.labels(*kind, entry.outcome).inc()
        self._durations.labels(*kind).observe(entry.seconds)
        if entry.contacts:
            self._contacts.labels(*kind).inc(entry.contacts)

    def count_request(self, outcome: str, seconds: float) -> None:
        self._requests.labels(outcome).inc()
        self._request_durations.labels(outcome).observe(seconds)

    def count_limit(self, limit: str) -> None:
        self._limits.labels(limit).inc()

    def count_surplus(self) -> None:
        self._surplus.inc()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their media type, in the form that an Accept header asks for."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type
