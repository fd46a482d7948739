"""What the guard lets through, refuses, tells and counts, in front of the whole server in memory."""

from __future__ import annotations

import json
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from httpx2 import ASGITransport
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, PromptReference, ResourceTemplateReference
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from conftest import SIGNED_IN
from telecmi_mcp import create_server, open_app
from telecmi_mcp._api.client import RequestHooks
from telecmi_mcp._audit.contact_hashes import ContactHasher
from telecmi_mcp._audit.log import LOGGER, Audit
from telecmi_mcp._config.keys import new_key
from telecmi_mcp._team.auth.callers import Caller
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.policy.build import open_policy
from telecmi_mcp._team.policy.metrics import Metrics
from telecmi_mcp._team.policy.middleware import CallMiddleware
from telecmi_mcp._team.policy.quotas import Quotas
from telecmi_mcp.errors import ConfigurationError
from telecmi_mcp.sandbox import Quirks, create_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from mcp.server.context import CallNext

NOBODY = "00000000-0000-4000-8000-000000000000"
HASHER = ContactHasher(bytes(32))
CANARY = "canary singing 7Qx2"


@dataclass
class Desk:
    """A guarded server, a client in front of it, and what was told of its calls."""

    client: Client
    guard: CallMiddleware
    told: list[dict[str, Any]]
    reader: InMemoryMetricReader
    spans: InMemorySpanExporter
    caller: list[Caller] = field(default_factory=list)

    @property
    def outcomes(self) -> list[str]:
        return [line["outcome"] for line in self.told]

    def points(self, name: str) -> list[tuple[dict[str, Any], float]]:
        """The attributes and the value of each point of a metric; of a histogram, its count."""
        data = self.reader.get_metrics_data()
        return [
            (dict(point.attributes or {}), getattr(point, "value", 0) or getattr(point, "count", 0))
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == f"telecmi_mcp.{name}"
            for point in metric.data.data_points
        ]


@asynccontextmanager
async def opened_desk(
    quirks: Quirks | None = None, *, mode: str = "legacy", middleware: tuple[Any, ...] = (), **limits: int
) -> AsyncIterator[Desk]:
    reader, spans, tracers = InMemoryMetricReader(), InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    metrics = Metrics(MeterProvider([reader]).get_meter("test"), tracers.get_tracer("test"))
    told: list[dict[str, Any]] = []
    caller = [Caller("priya")]

    class Taker(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(json.loads(record.getMessage()))

    guard = CallMiddleware(
        replace(TeamSettings(), **limits),  # type: ignore[arg-type]  # limits are whole numbers
        Quotas(None),
        caller_now=lambda: caller[-1],
        audit=Audit("r", hasher=HASHER),
        metrics=metrics,
    )
    transport = ASGITransport(app=create_sandbox(quirks or Quirks()))
    server = create_server(lambda: open_app(SIGNED_IN, transport=transport, hooks=RequestHooks(watch=metrics.watch)))
    server.middleware[1:1] = [guard, *middleware]
    logger, taker = logging.getLogger(LOGGER), Taker()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(taker)
    try:
        async with Client(server, mode=mode) as client:
            yield Desk(client, guard, told, reader, spans, caller)
    finally:
        logger.removeHandler(taker)
        logger.setLevel(level)


async def test_each_call_is_reported_with_how_many_contacts_it_gave(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        page = await desk.client.call_tool("list_contacts", {"limit": 7})
        assert page.structured_content is not None
        contact_id = page.structured_content["contacts"][0]["contact_id"]
        await desk.client.call_tool("get_contact", {"contact_id": contact_id})
        found = await desk.client.call_tool("search_contacts", {"query": "priya"})
        assert found.structured_content is not None
        await desk.client.read_resource(f"telecmi://contacts/{contact_id}")
        await desk.client.read_resource("telecmi://status")
        await desk.client.get_prompt("find_contact", {"who": "priya"})
    ids = [
        [contact["contact_id"] for contact in page.structured_content["contacts"]],
        [contact_id],
        [contact["contact_id"] for contact in found.structured_content["matches"]],
        [contact_id],
    ]
    assert [line["seen"] for line in desk.told if line["contacts"]] == [*map(HASHER.hashes, ids)]
    facts = [(line["caller"], line["method"], line["tool"], line["outcome"], line["contacts"]) for line in desk.told]
    assert facts == [
        ("priya", "tools/call", "list_contacts", "ok", 7),
        ("priya", "tools/call", "get_contact", "ok", 1),
        ("priya", "tools/call", "search_contacts", "ok", len(found.structured_content["matches"])),
        ("priya", "resources/read", "contact", "ok", 1),
        ("priya", "resources/read", "status", "ok", 0),
        ("priya", "prompts/get", "find_contact", "ok", 0),
    ]
    assert all(line["ms"] >= 0 for line in desk.told)


def test_without_a_key_the_log_says_once_what_to_set_and_a_bad_key_stops_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_policy(TeamSettings(audit="stderr"), None):
        pass
    (message,) = caplog.messages
    assert "set TELECMI_AUDIT_KEYS_FILE to a file" in message
    caplog.clear()
    path = tmp_path / "keys"
    path.touch(0o600)
    path.write_text(new_key(), encoding="ascii")
    for settings in (TeamSettings(audit="off"), TeamSettings(audit="stderr", audit_keys_file=path)):
        with open_policy(settings, None):
            pass
    assert caplog.messages == []
    path.chmod(0o644)
    with (
        pytest.raises(ConfigurationError, match="TELECMI_AUDIT_KEYS_FILE"),
        open_policy(TeamSettings(audit_keys_file=path), None),
    ):
        pass


async def test_lists_and_discovery_are_not_counted(generation: str) -> None:
    async with opened_desk(mode=generation, caller_rate_limit=1) as desk:
        for _ in range(3):
            await desk.client.list_tools()
            await desk.client.list_prompts()
            await desk.client.list_resources()
        result = await desk.client.call_tool("list_contacts", {})
    assert not result.is_error
    assert desk.outcomes == ["ok"]


async def test_a_completion_counts_as_a_call(generation: str) -> None:
    prompt, argument = PromptReference(name="find_contact"), {"name": "who", "value": "p"}
    async with opened_desk(mode=generation, caller_rate_limit=1) as desk:
        await desk.client.complete(prompt, argument)
        with pytest.raises(MCPError, match=r"^Wait "):
            await desk.client.complete(prompt, argument)
    assert desk.outcomes == ["ok", "too_many_calls"]


async def test_a_lookup_counts_for_as_many_calls_as_it_has_queries(generation: str) -> None:
    async with opened_desk(mode=generation, caller_rate_limit=3) as desk:
        looked_up = await desk.client.call_tool("lookup_contacts", {"queries": ["Priya", "John"]})
        refused = await desk.client.call_tool("lookup_contacts", {"queries": ["Priya", "John"]})
        last = await desk.client.call_tool("list_contacts", {})
    assert [each.is_error for each in (looked_up, refused, last)] == [False, True, False]
    assert desk.outcomes == ["ok", "too_many_calls", "ok"]


async def test_an_error_is_reported_by_its_code_and_nothing_else(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        await desk.client.call_tool("get_contact", {"contact_id": NOBODY})
        await desk.client.call_tool("get_contact", {"contact_id": CANARY})
        for uri in (f"telecmi://contacts/{NOBODY}", "telecmi://nothing"):
            with pytest.raises(MCPError):
                await desk.client.read_resource(uri)
        for name in (CANARY, "list_contacts\n"):
            with pytest.raises(MCPError):
                await desk.client.call_tool(name, {"query": CANARY})
        with pytest.raises(MCPError):
            await desk.client.get_prompt("find_contact", {})
    assert [(line["tool"], line["outcome"], line["contacts"]) for line in desk.told] == [
        ("get_contact", "not_found", 0),
        ("get_contact", "invalid_arguments", 0),
        ("contact", "not_found", 0),
        ("unknown", "resource_not_found", 0),
        ("unknown", "protocol_error", 0),
        ("unknown", "protocol_error", 0),
        ("find_contact", "invalid_arguments", 0),
    ]
    assert "singing" not in json.dumps(desk.told)


async def test_no_one_reads_of_a_contact_or_a_token_in_what_is_reported() -> None:
    async with opened_desk(
        Quirks(token_echo="error_text", rate_limit="http", rate_limit_after=1, retry_after="3600")
    ) as desk:
        page = await desk.client.call_tool("list_contacts", {"limit": 3})
        found = await desk.client.call_tool("search_contacts", {"query": "priya"})
        assert page.structured_content is not None
        told = json.dumps(desk.told) + "".join(span.to_json() for span in desk.spans.get_finished_spans())
        told += desk.reader.get_metrics_data().to_json()  # type: ignore[union-attr]  # there is some
        values = {value for contact in page.structured_content["contacts"] for value in contact.values()}
    assert found
    assert SIGNED_IN.token is not None
    for secret in [*(value for value in values if len(value) > 3), SIGNED_IN.token.get_secret_value()]:
        assert secret not in told


async def test_calls_over_the_limit_are_refused_in_the_form_of_other_errors(generation: str) -> None:
    async with opened_desk(mode=generation, caller_rate_limit=2) as desk:
        for _ in range(2):
            assert not (await desk.client.call_tool("list_contacts", {})).is_error
        refused = await desk.client.call_tool("list_contacts", {})
        assert refused.is_error
        assert refused.structured_content is None
        assert refused.content[0].text.startswith("Wait 30 s, then call less often: ")  # type: ignore[union-attr]  # it is text
        for ask in (
            lambda: desk.client.read_resource("telecmi://status"),
            lambda: desk.client.get_prompt("find_contact", {"who": "priya"}),
        ):
            with pytest.raises(MCPError, match="Wait 30 s"):
                await ask()
        desk.caller.append(Caller("somebody else"))
        assert not (await desk.client.call_tool("list_contacts", {})).is_error
    assert desk.outcomes == ["ok", "ok", *["too_many_calls"] * 3, "ok"]
    assert desk.points("limits") == [({"limit": "caller_rate"}, 3)]


class DeferredStart:
    """A middleware in which calls wait until they may go on."""

    def __init__(self) -> None:
        self.may_go = anyio.Event()
        self.waiting = 0

    async def __call__(self, ctx: Any, call_next: CallNext) -> Any:
        if ctx.method == "tools/call":
            self.waiting += 1
            await self.may_go.wait()
        return await call_next(ctx)


async def test_more_calls_at_once_than_a_caller_may_have_are_refused() -> None:
    held = DeferredStart()
    async with opened_desk(middleware=(held,), caller_concurrency=2) as desk:
        results: list[bool] = []

        async def call() -> None:
            results.append((await desk.client.call_tool("list_contacts", {})).is_error)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(call)
                while held.waiting < 3:
                    await anyio.lowlevel.checkpoint()
                held.may_go.set()
            assert sorted(results) == [False, False, True]
            await call()
        assert results[-1] is False
    assert sorted(desk.outcomes) == ["ok", "ok", "ok", "too_many_at_once"]
    assert desk.points("limits") == [({"limit": "caller_concurrency"}, 1)]


def context(method: str, **params: Any) -> Any:
    return SimpleNamespace(method=method, params=params, request_id=1)


async def test_a_call_that_is_cancelled_gives_its_place_back_and_is_reported() -> None:
    async def never(_: Any) -> None:
        await anyio.sleep_forever()

    async def answered(_: Any) -> dict[str, Any]:
        return {}

    async with opened_desk(caller_concurrency=1) as desk:
        for _ in range(3):
            with anyio.move_on_after(0):
                await desk.guard(context("tools/call", name="get_contact"), never)
        assert await desk.guard(context("tools/call", name="get_contact"), answered) == {}
    assert desk.outcomes == ["cancelled"] * 3 + ["ok"]
    assert desk.guard._active == {}


async def test_a_call_that_fails_gives_its_place_back_and_is_reported_as_a_defect() -> None:
    async def fail(_: Any) -> None:
        raise ZeroDivisionError(CANARY)

    async with opened_desk(caller_concurrency=1) as desk:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await desk.guard(context("tools/call", name="get_contact"), fail)
    assert desk.outcomes == ["defect"] * 3
    assert "singing" not in json.dumps(desk.told)


async def test_a_defect_in_a_tool_is_reported_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telecmi_mcp._mcp.tools.list_contacts.page_data", lambda _: 1 // 0)
    async with opened_desk() as desk:
        assert (await desk.client.call_tool("list_contacts", {})).is_error
    assert desk.outcomes == ["defect"]


@pytest.mark.parametrize(
    ("method", "params", "subject"),
    [
        ("tools/call", {}, "unknown"),
        ("tools/call", {"name": ["get_contact"]}, "unknown"),
        ("tools/call", {"name": "find_contact"}, "unknown"),
        ("prompts/get", {"name": "find_contact"}, "find_contact"),
        ("resources/read", {"uri": "TELECMI://contacts/1"}, "contact"),
        ("resources/read", {"uri": 7}, "unknown"),
        ("completion/complete", {"ref": "contact"}, "unknown"),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "find_contact"}}, "find_contact"),
        ("completion/complete", {"ref": {"uri": "telecmi://contacts/{contact_id}"}}, "contact"),
    ],
)
async def test_what_a_call_is_about_is_reported_by_names_of_ours_only(
    method: str, params: dict[str, Any], subject: str
) -> None:
    async def answered(_: Any) -> dict[str, Any]:
        return {}

    async with opened_desk() as desk:
        await desk.guard(context(method, **params), answered)
    assert desk.told[-1]["tool"] == subject


async def test_calls_contacts_and_requests_are_measured() -> None:
    async with opened_desk() as desk:
        await desk.client.call_tool("list_contacts", {"limit": 7})
        await desk.client.call_tool("list_contacts", {"limit": 4})
        await desk.client.call_tool("list_contacts", {"limit": 0})
    kind = {"method": "tools/call", "tool": "list_contacts"}
    assert desk.points("calls") == [({**kind, "outcome": "ok"}, 2), ({**kind, "outcome": "invalid_arguments"}, 1)]
    assert desk.points("contacts") == [(kind, 11)]
    assert desk.points("call.duration") == [(kind, 3)]
    assert desk.points("requests") == [({"outcome": "ok"}, 2)]
    assert desk.points("request.duration") == [({"outcome": "ok"}, 2)]


async def test_each_request_to_telecmi_is_a_span_with_its_status_and_the_number_of_its_repetition() -> None:
    quirks = Quirks(rate_limit="http", rate_limit_code=503, rate_limit_refusals=1, retry_after="0")
    async with opened_desk(quirks) as desk:
        assert not (await desk.client.call_tool("list_contacts", {})).is_error
    first, second = (dict(span.attributes or {}) for span in desk.spans.get_finished_spans())
    same = {"http.request.method": "POST", "url.template": "/v3/contact/get"}
    assert first == {**same, "http.response.status_code": 503, "error.type": "unavailable"}
    assert second == {**same, "http.response.status_code": 200, "http.request.resend_count": 1}
    assert desk.points("requests") == [({"outcome": "unavailable"}, 1), ({"outcome": "ok"}, 1)]
    assert [span.events for span in desk.spans.get_finished_spans()] == [(), ()]


REFUSED = "Use a tool of tools/list, or ask the administrator of this server for another key: "
LIMITED = Caller("limited", tools=frozenset({"list_contacts", "count_contacts"}))


async def test_a_caller_with_some_tools_sees_only_these(generation: str) -> None:
    listed = []
    for caller in (Caller("every"), LIMITED, Caller("none", tools=frozenset())):
        async with opened_desk(mode=generation) as desk:  # the client of each keeps its list
            desk.caller.append(caller)
            listed.append((await desk.client.list_tools()).tools)
    every, some, none = listed
    assert {tool.name for tool in some} == {"list_contacts", "count_contacts"}
    assert [tool for tool in every if tool in some] == some
    assert none == []


async def test_a_tool_that_the_key_does_not_allow_is_a_tool_error_and_reads_nothing(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        desk.caller.append(LIMITED)
        allowed = await desk.client.call_tool("list_contacts", {"limit": 1})
        calls = {"get_contact": {"contact_id": NOBODY}, "search_contacts": {"query": "John"}}
        refused = [await desk.client.call_tool(name, arguments) for name, arguments in calls.items()]
    assert [each.is_error for each in (allowed, *refused)] == [False, True, True]
    assert all(REFUSED + "this key does not allow this call." in repr(result.content) for result in refused)
    assert desk.outcomes == ["ok", "tool_not_allowed", "tool_not_allowed"]
    assert sum(count for _, count in desk.points("requests")) == 1


async def test_a_refused_tool_counts_for_the_callers_limit(generation: str) -> None:
    async with opened_desk(mode=generation, caller_rate_limit=1) as desk:
        desk.caller.append(LIMITED)
        for _ in range(2):
            await desk.client.call_tool("get_contact", {"contact_id": NOBODY})
    assert desk.outcomes == ["tool_not_allowed", "too_many_calls"]


@pytest.mark.parametrize(
    ("tools", "may"),
    [
        (None, {"read", "status", "complete", "prompt"}),
        ({"get_contact"}, {"read", "status", "prompt"}),
        ({"search_contacts"}, {"complete", "prompt"}),
        ({"list_contacts", "lookup_contacts", "count_contacts"}, {"prompt"}),
    ],
)
async def test_resources_need_get_contact_and_completions_search_contacts(
    tools: set[str] | None, may: set[str], generation: str
) -> None:
    async with opened_desk(mode=generation) as desk:
        page = await desk.client.call_tool("list_contacts", {"limit": 5})
        assert page.structured_content is not None
        contact = page.structured_content["contacts"][0]
        desk.caller.append(Caller("limited", tools=None if tools is None else frozenset(tools)))
        tries: dict[str, Callable[[], Awaitable[object]]] = {
            "read": lambda: desk.client.read_resource(f"telecmi://contacts/{contact['contact_id']}"),
            "status": lambda: desk.client.read_resource("telecmi://status"),
            "complete": lambda: desk.client.complete(
                ResourceTemplateReference(type="ref/resource", uri="telecmi://contacts/{contact_id}"),
                {"name": "contact_id", "value": ""},
            ),
            "prompt": lambda: desk.client.get_prompt("find_contact", {"who": "John"}),
        }
        done = set()
        for name, attempt in tries.items():
            try:
                await attempt()
                done.add(name)
            except MCPError as error:
                assert error.error.code == INVALID_PARAMS
                assert "this key does not allow" in error.error.message
    assert done == may
