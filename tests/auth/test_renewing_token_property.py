"""Renewal under every order of events: one login at a time, no loop, no rejected password sent twice."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import anyio
import httpx2
from httpx2 import ASGITransport
from hypothesis import given
from hypothesis import strategies as st

from faults.server import rest
from sign_in import DAY, WITH_PASSWORD, WITH_WRONG_PASSWORD, SignInSetup
from telecmi_mcp import App, TelecmiError
from telecmi_mcp.sandbox import SANDBOX_PASSWORD, Quirks

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["call", "call", "release", "release", "cancel", "expire", "revoke", "minute", "password"]),
        st.integers(0, 9),
    ),
    min_size=4,
    max_size=25,
)
LOGINS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {"lockout_after": 1},
        {"login_answer": "without_token"},
        {"fresh_token": "not_provisioned"},
        {"fresh_token": "refused_at_first"},
        {"error_style": "http"},
    ]
)


class GatedTransport(httpx2.AsyncBaseTransport):
    """Holds each request until it is released, and counts requests."""

    def __init__(self, setup: SignInSetup) -> None:
        self._inner = ASGITransport(app=setup.sandbox)
        self._office = setup
        self.waiting: list[anyio.Event] = []
        self.logins_at_once = self.most_logins_at_once = 0
        self.reads = 0
        self.open = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        is_login = request.url.path.endswith("login")
        self.reads += not is_login
        self.logins_at_once += is_login
        self.most_logins_at_once = max(self.most_logins_at_once, self.logins_at_once)
        try:
            if not self.open:
                self.waiting.append(turn := anyio.Event())
                await turn.wait()
            return await self._inner.handle_async_request(request)
        finally:
            self.logins_at_once -= is_login

    def release(self, number: int) -> None:
        """Release one of the waiting requests."""
        if self.waiting:
            self.waiting.pop(number % len(self.waiting)).set()


class Scenario:
    """One order of events."""

    def __init__(self, setup: SignInSetup, transport_gate: GatedTransport, app: App) -> None:
        self.setup, self.transport_gate, self.app = setup, transport_gate, app
        self.scopes: list[anyio.CancelScope] = []
        self.outcomes: Counter[str] = Counter()

    async def call(self, scope: anyio.CancelScope) -> None:
        with scope:
            try:
                await self.app.client.list_contacts(limit=1)
                self.outcomes["answered"] += 1
            except TelecmiError as error:
                self.outcomes[error.code] += 1
        self.outcomes["cancelled"] += scope.cancelled_caught

    async def step(self, kind: str, number: int, tasks: anyio.abc.TaskGroup) -> None:
        match kind:
            case "call":
                self.scopes.append(scope := anyio.CancelScope())
                tasks.start_soon(self.call, scope)
            case "cancel" if self.scopes:
                self.scopes[number % len(self.scopes)].cancel()
            case "release":
                self.transport_gate.release(number)
            case "expire":
                self.setup.clock.now += number * 10 * DAY
            case "minute":
                self.setup.clock.now += number * 60
            case "revoke" if self.setup.sandbox.state.tokens:
                self.setup.sandbox.revoke(self.setup.sandbox.state.tokens[-1])
            case "password" if number == 0:
                self.setup.sandbox.change_password("another")
        await rest()


async def run_scenario(steps: list[tuple[str, int]], login: dict[str, Any], *, wrong: bool) -> None:
    setup = SignInSetup(None, Quirks(**login))
    transport_gate = GatedTransport(setup)
    with anyio.fail_after(60):
        async with setup.app(WITH_WRONG_PASSWORD if wrong else WITH_PASSWORD, transport=transport_gate) as app:
            scenario = Scenario(setup, transport_gate, app)
            async with anyio.create_task_group() as tasks:
                for kind, number in steps:
                    await scenario.step(kind, number, tasks)
                transport_gate.open = True
                while transport_gate.waiting:
                    transport_gate.release(0)
    check(setup, transport_gate, scenario, wrong=wrong)


def check(setup: SignInSetup, transport_gate: GatedTransport, scenario: Scenario, *, wrong: bool) -> None:
    calls = len(scenario.scopes)
    assert sum(scenario.outcomes.values()) == calls
    assert transport_gate.most_logins_at_once <= 1
    assert transport_gate.reads <= 2 * calls
    sent = [request.body for request in setup.sandbox.state.requests if request.path.endswith("login")]
    assert len(sent) <= 2 * calls  # each call causes at most one login, and one early renewal in the background
    accepted = len(setup.sandbox.state.tokens)
    without_token = setup.sandbox.quirks.login_answer == "without_token"
    refused = len(sent) - accepted
    assert refused <= 1, sent
    if wrong:
        assert (accepted, scenario.outcomes["answered"]) == (0, 0)
    elif not without_token and "password_refused" in scenario.outcomes:
        assert {body["password"] for body in sent} == {SANDBOX_PASSWORD}  # type: ignore[index] # JSON objects


@given(STEPS, LOGINS, st.booleans())
def test_in_any_order_of_events_one_login_runs_at_a_time_and_no_rejected_password_is_sent_twice(
    steps: list[tuple[str, int]],
    login: dict[str, Any],
    wrong: bool,
) -> None:
    anyio.run(partial(run_scenario, steps, login, wrong=wrong))
