"""Callers of the hostile load test: they check that each answer is the right one, and each contact of their account."""

from __future__ import annotations

import json
import re
from itertools import count
from typing import TYPE_CHECKING, Any

from benchmarks.team_accounts import (
    NUMBERED,
    Expected,
    at_once_sentences,
    expected,
    fault_arguments,
    late_sentences,
    plain,
)
from benchmarks.team_callers import MIX, PAGE, Caller
from telecmi_mcp import errors
from telecmi_mcp._team.accounts.credential_sources import sign_in_unavailable

if TYPE_CHECKING:
    from benchmarks.team_accounts import Account
    from benchmarks.team_callers import Wire

FAULT_SHARE = 0.12
"""The share of calls that meet a fault of the table."""

AT_ONCE = "a connection failed before its request"
"""What is told of a call whose connection met a fault before its first request; TeleCMI's stand-in counts those."""

LATE = "no answer in time"
"""What is told of a call that should have had an answer, and that ended at its time limit with the table's sentence."""

_SLOW_SHARE = 0.2  # of the faults that use up the time of a call, so that they do not hold all of an account's places
_MARK = re.compile(r"acct-\d{4}")
_AT_ONCE_SENTENCES = at_once_sentences()
_UNAVAILABLE = frozenset({str(errors.DatabaseUnavailable()), str(sign_in_unavailable())})
_NONCES = count()


class CheckingCaller(Caller):
    """A caller of one account that knows what each of its calls must be answered with.

    Args:
        account: Whose contacts it reads.
        timeout: Seconds that the server gives a call.
    """

    def __init__(self, wire: Wire, *, seed: int, pause: float, account: Account, timeout: float) -> None:
        super().__init__(wire, seed=seed, contacts=account.size, pause=pause)
        self._account = account
        self._timeout = timeout
        self.fault: int | None = None
        self._place = 0

    def choose_call(self) -> tuple[str, dict[str, Any]]:
        """Return a call for a fault of the table, or one of the mix."""
        self.fault = self._choose_fault() if self.rng.random() < FAULT_SHARE else None
        if self.fault is not None:
            return fault_arguments(self._account, self.fault, next(_NONCES))
        (tool,) = self.rng.choices([name for name, _ in MIX], [share for _, share in MIX])
        self._place = self.rng.randrange(self.contacts)
        if tool == "get_contact":
            return tool, {"contact_id": self._account.contact_id(self._place)}
        if tool == "list_contacts":
            return tool, {"limit": PAGE, "page_state": self._account.cursor(self._place)}
        who = self._account.contact(self._place)
        return tool, {"query": self.rng.choice((f"{who['first_name']} {who['last_name']}", who["phone_no"]))}

    def check(self, tool: str, arguments: dict[str, Any], result: dict[str, Any]) -> tuple[str, int]:
        """Return what is wrong with a result: a contact of another account, or not what the fault table says."""
        foreign = {mark for mark in _MARK.findall(json.dumps(result)) if mark != self._account.mark}
        if foreign:
            return f"FOREIGN: {tool} showed {sorted(foreign)} to {self._account.mark}", 0
        facts = None if result.get("isError") else result["structuredContent"]
        contacts = _contacts_of(facts)
        if not all(map(self._account.owns, contacts)):
            return f"FOREIGN: {tool} showed a contact that is not of {self._account.mark}", len(contacts)
        sentence = result["content"][0]["text"] if facts is None else ""
        return self._compare(tool, arguments, facts, sentence), len(contacts)

    def _compare(self, tool: str, arguments: dict[str, Any], facts: dict[str, Any] | None, sentence: str) -> str:
        if sentence in _UNAVAILABLE:
            return ""  # while PostgreSQL is restarted
        if self.fault is not None and self._is_expected(
            expected(self.fault, self._timeout), arguments, facts, sentence
        ):
            return ""
        if sentence in _AT_ONCE_SENTENCES:
            return AT_ONCE
        if sentence in late_sentences(self._timeout):
            return LATE
        if self._account.number == 0 or (self.fault is None and facts is not None and self._is_right(tool, facts)):
            return ""  # the first account meets late bytes, which cannot be told from the answer to its next request
        what = "a good answer" if self.fault is None else f"the fault {NUMBERED[self.fault].name}"
        return f"WRONG: {tool} for {what}: {sentence or json.dumps(facts)[:300]}"

    def _is_expected(
        self, wanted: Expected, arguments: dict[str, Any], facts: dict[str, Any] | None, sentence: str
    ) -> bool:
        if facts is None:
            return plain(self._account, arguments, sentence) in wanted.sentences
        return (
            wanted.facts is not None and json.loads(plain(self._account, arguments, json.dumps(facts))) == wanted.facts
        )

    def _is_right(self, tool: str, facts: dict[str, Any]) -> bool:
        account, place = self._account, self._place
        if tool == "get_contact":
            return facts == account.contact(place)
        if tool == "list_contacts":
            page = account.page(place, PAGE)
            return facts["contacts"] == page["contacts"] and facts.get("page_state") == page.get("page_state")
        return bool(facts["matches"]) or "notice" in facts or not facts["complete"]

    def _choose_fault(self) -> int:
        number = self.rng.randrange(len(NUMBERED))
        is_slow = isinstance(NUMBERED[number].outcome, errors.DeadlineExceeded)
        return number if not is_slow or self.rng.random() < _SLOW_SHARE else self._choose_fault()


def _contacts_of(facts: dict[str, Any] | None) -> list[dict[str, str]]:
    if facts is None:
        return []
    if "contact_id" in facts:
        return [facts]
    contacts: list[dict[str, str]] = facts.get("contacts", facts.get("matches", []))
    return contacts
