"""Exports spans and metrics by OTLP over HTTP, if the standard variables of OpenTelemetry name a collector.

The SDK and its exporters are imported only then. They read the other variables (headers, certificates, intervals,
sampling) from the process's environment.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import unquote

from opentelemetry import metrics, trace
from pydantic import SecretStr

from telecmi_mcp import __version__
from telecmi_mcp._config.distribution import requirement
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.sdk.resources import Resource

_log = logging.getLogger(__name__)

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_FLUSH_TIMEOUT_S = 3.0
_PROTOCOL = "http/protobuf"
_HEADERS = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS")


def secrets_of(environ: Mapping[str, str]) -> Iterator[SecretStr]:
    """Yield the secrets in the headers for a collector: each variable as a whole, and each value."""
    for headers in filter(None, map(environ.get, _HEADERS)):
        yield SecretStr(headers)
        for header in headers.split(","):
            value = header.partition("=")[2].strip()
            if value:
                yield SecretStr(unquote(value))


@contextmanager
def open_telemetry(environ: Mapping[str, str], *, replica: str) -> Iterator[None]:
    """Export spans and metrics while the context lasts, and flush them at its end for three seconds at most.

    A provider that the program has set is kept, and a signal without a collector is not exported.

    Args:
        environ: The process's environment.
        replica: Name of this process: ``service.instance.id``.

    Raises:
        ConfigurationError: A collector is configured, and the exporter is not installed.
    """
    wanted = {signal: _is_wanted(environ, signal) for signal in ("TRACES", "METRICS")}
    ends: list[Callable[[], object]] = []
    if any(wanted.values()):
        _require_exporter()
        resource = _resource(replica)
        if wanted["TRACES"] and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            ends.append(_export_spans(resource))
        if wanted["METRICS"] and not _has_meter_provider():
            ends.append(_export_metrics(resource))
    try:
        yield
    finally:
        _end(ends)


def _is_wanted(environ: Mapping[str, str], signal: str) -> bool:
    named = environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") or environ.get(_ENDPOINT)
    off = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    chosen = environ.get(f"OTEL_{signal}_EXPORTER", "").strip().lower() or "otlp"
    if not named or off or chosen != "otlp":
        return False
    protocol = environ.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol not in {None, "", _PROTOCOL}:
        _log.warning("%s are sent as %s, the only supported protocol", signal.lower(), _PROTOCOL)
    return True


def _require_exporter() -> None:
    if find_spec("opentelemetry.sdk") is None or find_spec("opentelemetry.exporter") is None:
        raise ConfigurationError(
            hint=f"Run pip install '{requirement('team')}', or unset {_ENDPOINT}",
            fact="the OpenTelemetry exporter comes with it",
        )


def _has_meter_provider() -> bool:
    # The API has no public name for "none was set"; its stand-in is a class of its own that it does not export.
    return type(metrics.get_meter_provider()).__name__ != "_ProxyMeterProvider"


def _resource(replica: str) -> Resource:
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # part of an extra

    ours = {"service.name": "telecmi-mcp", "service.version": __version__, "service.instance.id": replica}
    return Resource.create(ours).merge(OTELResourceDetector().detect())  # what the environment says goes first


def _export_spans(resource: Resource) -> Callable[[], object]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def _export_metrics(resource: Resource) -> Callable[[], object]:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    return provider.shutdown


def _end(ends: list[Callable[[], object]]) -> None:
    """Flush both signals at once, without waiting for a collector that does not answer."""
    threads = [Thread(target=end, daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_FLUSH_TIMEOUT_S)
    if any(thread.is_alive() for thread in threads):
        _log.warning("the last spans and metrics could not be sent in time")
