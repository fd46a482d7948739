"""What Prometheus reads: the instruments of OpenTelemetry under Prometheus' names, without names of anybody."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.parser import text_string_to_metric_families

from telecmi_mcp import __version__
from telecmi_mcp._audit.log import Entry
from telecmi_mcp._team.policy.metrics import SECONDS, Metrics
from telecmi_mcp._team.policy.prometheus import PrometheusMetrics
from telecmi_mcp.errors import Unavailable

UNITS = {"s": "_seconds"}


def measure(metrics: Metrics) -> None:
    """Use every instrument once."""
    metrics.count_call(Entry("amal", "tools/call", "get_contact", "ok", 0.04, 3))
    metrics.count_limit("caller_rate")
    metrics.count_surplus()
    with pytest.raises(Unavailable), metrics.watch(0):
        raise Unavailable


def test_every_instrument_of_opentelemetry_is_there_with_the_same_values_and_labels() -> None:
    prometheus, reader = PrometheusMetrics("r1"), InMemoryMetricReader()
    measure(Metrics(MeterProvider([reader]).get_meter("test"), observers=[prometheus]))
    text = prometheus.exposition("")[0].decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    ours = {name for name in families if name.startswith("telecmi_mcp")}
    data = reader.get_metrics_data()
    assert data is not None
    expected = set()
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        name = metric.name.replace(".", "_") + UNITS.get(metric.unit or "", "")
        expected.add(name)
        (point,) = metric.data.data_points
        sample = next(each for each in families[name].samples if each.name in {f"{name}_total", f"{name}_count"})
        assert sample.labels == point.attributes
        assert sample.value == getattr(point, "value", None) or getattr(point, "count", None)
    assert ours == expected | {"telecmi_mcp_info"}
    bounds = [
        each.labels["le"] for each in families["telecmi_mcp_call_duration_seconds"].samples if "le" in each.labels
    ]
    assert list(map(float, bounds)) == [*SECONDS, float("inf")]
    assert families["telecmi_mcp_info"].samples[0].labels == {"version": __version__, "replica": "r1"}
    assert "amal" not in text


def test_the_form_is_the_one_that_the_reader_asks_for() -> None:
    prometheus = PrometheusMetrics("r")
    assert prometheus.exposition("")[1].startswith("text/plain; version=0.0.4")
    text, media_type = prometheus.exposition("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith(b"# EOF\n")


def test_two_teams_of_a_process_do_not_share_their_counters() -> None:
    first, second = PrometheusMetrics("first"), PrometheusMetrics("second")
    first.count_surplus()
    assert b"telecmi_mcp_connections_surplus_total 1.0" in first.exposition("")[0]
    assert b"telecmi_mcp_connections_surplus_total 0.0" in second.exposition("")[0]
