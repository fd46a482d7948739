"""A short hostile load: TeleCMI and ten callers misbehave, and each answer of the others is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.team_accounts import NUMBERED, Account, fault_arguments
from benchmarks.team_callers import LEGACY, Wire
from benchmarks.team_checking import CheckingCaller
from benchmarks.team_hostile_load import MISBEHAVING, measure_hostile, report_hostile
from benchmarks.team_load import Plan
from benchmarks.team_misbehaving import HABITS, NEVER_ANSWERED, send_slow_body
from conftest import FIGURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.team_hostile_load import HostileResult

PLAN = Plan(callers=200, seconds=15, rate=60, contacts=250, delay=0.01, calm=True, hostile=True)
OURS, THEIRS = Account(3, 5), Account(4, 5)
WIRE = Wire("http://localhost/mcp", "key", LEGACY, None)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> HostileResult:
    return measure_hostile(PLAN, tmp_path_factory.mktemp("load"))


def test_every_call_ends_as_the_fault_table_says_and_with_contacts_of_its_own_account_only(
    seen: HostileResult, record_property: Callable[[str, object], None]
) -> None:
    record_property(FIGURES, report_hostile(PLAN, seen))
    assert not seen.foreign
    assert not seen.wrong
    assert not seen.load.lost
    assert seen.late < len(seen.load.calls) // 4
    assert len(seen.load.calls) > PLAN.callers
    assert seen.contacts > len(seen.load.calls)


def test_telecmi_played_its_faults_and_sent_surplus_bytes(seen: HostileResult) -> None:
    assert seen.telecmi["surplus"] > PLAN.callers
    assert len(seen.telecmi["played"]) > 20
    assert seen.telecmi["connections"] > PLAN.accounts
    assert seen.telecmi["shared"] == seen.telecmi["followed"] == 0


def test_callers_that_misbehave_are_refused(seen: HostileResult) -> None:
    assert len(seen.misbehaving) == MISBEHAVING > len(HABITS)
    for each in seen.misbehaving:
        if each.habit in NEVER_ANSWERED:
            assert each.statuses
            assert not set(each.statuses) - {"400", "401", "429", "503", "none"}
        if each.habit is send_slow_body:
            assert set(each.statuses) <= {"408", "none"}


def caller(account: Account, tool: str, place: int = 0) -> CheckingCaller:
    """A caller whose next call is a good one of this tool."""
    for seed in range(10_000):
        each = CheckingCaller(WIRE, seed=seed, pause=0, account=account, timeout=10)
        name, arguments = each.choose_call()
        if name == tool and arguments.get("contact_id", "") == account.contact_id(place):
            return each
    raise AssertionError


def answered(facts: dict[str, Any]) -> dict[str, Any]:
    return {"structuredContent": facts, "content": [{"type": "text", "text": "{}"}]}


def test_the_right_contact_is_no_fault() -> None:
    each = caller(OURS, "get_contact")
    right = answered(OURS.contact(0))
    assert each.check("get_contact", {"contact_id": OURS.contact_id(0)}, right) == ("", 1)


@pytest.mark.parametrize(
    "contact",
    [
        THEIRS.contact(0),
        OURS.contact(0) | {"contact_id": THEIRS.contact_id(0)},
        OURS.contact(0) | {"company": "Acme Corp"},
        OURS.contact(0) | {"job_title": f"at {THEIRS.mark}"},
    ],
)
def test_a_contact_of_another_account_is_found_out(contact: dict[str, str]) -> None:
    wrong, _ = caller(OURS, "get_contact").check("get_contact", {}, answered(contact))
    assert wrong.startswith("FOREIGN")


@pytest.mark.parametrize("result", [answered(OURS.contact(1)), {"isError": True, "content": [{"text": "Sorry"}]}])
def test_another_answer_than_the_right_one_is_found_out(result: dict[str, Any]) -> None:
    wrong, _ = caller(OURS, "get_contact").check("get_contact", {"contact_id": OURS.contact_id(0)}, result)
    assert wrong.startswith("WRONG")


@pytest.mark.parametrize("fault", range(len(NUMBERED)), ids=[fault.name for fault in NUMBERED])
def test_a_fault_may_not_end_with_another_sentence(fault: int) -> None:
    each = caller(OURS, "get_contact")
    each.fault = fault
    tool, arguments = fault_arguments(OURS, fault, 1)
    wrong, _ = each.check(tool, arguments, {"isError": True, "content": [{"text": "Sorry: something went wrong."}]})
    assert wrong.startswith("WRONG")
