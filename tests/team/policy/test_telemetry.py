"""Spans and metrics on their way to a collector, and the whole server that sends them."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from e2e.lines import PATIENCE, environment
from team.collector import opened_collector
from team.replicas import opened_replica
from telecmi_mcp import __version__
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._team.policy import otlp
from telecmi_mcp.errors import ConfigurationError
from telecmi_mcp.sandbox import SANDBOX_TOKEN

CANARY = "canary singing 7Qx2"


async def test_calls_of_a_real_server_are_in_its_audit_and_at_the_collector() -> None:
    with (
        opened_collector() as collector,
        opened_replica(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, TELECMI_CALLER_RATE_LIMIT="3") as replica,
    ):
        async with Client(replica.url) as client:
            page = await client.call_tool("list_contacts", {"limit": 2})
            assert (await client.call_tool("list_contacts", {"limit": 2, "page_state": CANARY})).is_error
            with pytest.raises(MCPError):
                await client.read_resource(f"telecmi://{CANARY}")
            assert (await client.call_tool("list_contacts", {})).is_error
        told = replica.stop()
    assert [(line["tool"], line["outcome"], line["contacts"]) for line in told] == [
        ("list_contacts", "ok", 2),
        ("list_contacts", "cursor_refused", 0),
        ("unknown", "resource_not_found", 0),
        ("list_contacts", "too_many_calls", 0),
    ]
    calls = [span for span in collector.spans if span.name == "tools/call list_contacts"]
    (first, second) = [span for span in collector.spans if span.name == "POST /v3/contact/get"]
    assert [first.parent_span_id, second.parent_span_id] == [call.span_id for call in calls[:2]]
    assert first.trace_id == calls[0].trace_id
    points = collector.metrics["telecmi_mcp.calls"].sum.data_points
    assert sorted(point.as_int for point in points) == [1, 1, 1, 1]
    assert collector.metrics["telecmi_mcp.call.duration"].histogram.data_points[0].explicit_bounds[0] == 0.005
    assert collector.metrics["telecmi_mcp.contacts"].sum.data_points[0].as_int == 2
    assert collector.metrics["telecmi_mcp.limits"].sum.data_points[0].as_int == 1
    resource = collector.resource
    assert (resource["service.name"], resource["service.version"]) == ("telecmi-mcp", __version__)
    assert resource["service.instance.id"] == told[0]["replica"]
    sent = b"".join(body for bodies in collector.bodies.values() for body in bodies).decode("utf8", "replace")
    assert page.structured_content is not None
    names = {contact[name] for contact in page.structured_content["contacts"] for name in ("contact_id", "phone_no")}
    for secret in ["singing", SANDBOX_TOKEN, *names]:
        assert secret not in sent + replica.said


def test_nothing_is_imported_and_nothing_set_without_a_collector_and_a_hosts_provider_is_left_alone() -> None:
    program = """
import sys
import threading
import telecmi_mcp._server.factory
from telecmi_mcp._team.policy import build
from telecmi_mcp._team.policy.otlp import open_telemetry
from opentelemetry import metrics, trace
with open_telemetry({}, replica="r"):
    pass
assert not [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "psycopg"))]
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
hosts = TracerProvider(), MeterProvider()
trace.set_tracer_provider(hosts[0])
metrics.set_meter_provider(hosts[1])
with open_telemetry({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, replica="r"):
    assert (trace.get_tracer_provider(), metrics.get_meter_provider()) == hosts
assert not hosts[0]._active_span_processor._span_processors
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=PATIENCE,
    )
    assert (done.stdout, done.stderr) == ("done\n", "")


ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, (False, False)),
        (ENDPOINT, (True, True)),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "True"}, (False, False)),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "false"}, (True, True)),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, (False, True)),
        ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "none"}, (True, False)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, (True, False)),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4318/v1/metrics"}, (False, True)),
    ],
)
def test_a_signal_is_exported_where_the_standard_variables_say_so(
    environ: dict[str, str], wanted: tuple[bool, bool]
) -> None:
    assert (otlp._is_wanted(environ, "TRACES"), otlp._is_wanted(environ, "METRICS")) == wanted


def test_another_protocol_than_the_one_that_is_spoken_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    assert otlp._is_wanted({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "TRACES")
    assert "traces are sent as http/protobuf" in caplog.text


def test_a_collector_without_the_exporter_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "find_spec", lambda _: None)
    with (
        pytest.raises(ConfigurationError, match=r"telecmi-mcp\[team\]"),
        otlp.open_telemetry(ENDPOINT, replica="r"),
    ):
        pass


def test_the_end_does_not_wait_for_a_collector_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(otlp, "_FLUSH_TIMEOUT_S", 0.01)
    never = threading.Event()
    ended: list[str] = []
    otlp._end([never.wait, lambda: ended.append("metrics")])
    never.set()
    assert ended == ["metrics"]
    assert "could not be sent in time" in caplog.text


def test_what_a_collector_is_shown_is_kept_out_of_the_log() -> None:
    known = KnownSecrets()
    known.add(*otlp.secrets_of({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20sesame-77, x-team=blue"}))
    assert "sesame" not in known.hide("Header format invalid: authorization=Bearer%20sesame-77, x-team=blue")
    assert "sesame" not in known.hide("sent Bearer sesame-77")
