"""The hostile form of the load on a team server: ``python -m benchmarks.team_load --hostile``.

Callers of several accounts, each with a sign-in of its own in the database, call through nginx. TeleCMI sends surplus
bytes and plays the fault table, and ten callers misbehave. No answer may hold a contact of another account, and each
call must end as the fault table says.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from benchmarks.team_accounts import NUMBERED, Account
from benchmarks.team_checking import AT_ONCE, LATE, CheckingCaller
from benchmarks.team_load import LoadResult, open_wires, read_whole, report, run_callers
from benchmarks.team_misbehaving import NEVER_ANSWERED, Misbehaving
from team.stage import open_stage, run_command
from telecmi_mcp._auth.credentials import Account as SignInAccount
from telecmi_mcp._auth.credentials import Credentials
from telecmi_mcp._team.accounts.credential_store import TeamSignIns
from telecmi_mcp._team.accounts.encryption import open_vault
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.db.database import Database

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from benchmarks.team_load import Plan
    from team.stage import Stage

MISBEHAVING = 10
_ROOT = Path(__file__).parents[1]
_INDEX_MAX_AGE_S = 10.0  # so that the indexes are read again and again
_TOKEN_AGE_S = 86_400.0  # a token that was just issued would not be taken for an expired one
_SHOWN = 20  # wrong answers in a report


@dataclass(slots=True)
class HostileResult:
    """What came of a hostile load.

    Attributes:
        load: The calls of those that do not misbehave.
        telecmi: What TeleCMI's stand-in saw; see ``benchmarks.team_hostile.SeenIds``.
        misbehaving: Those that misbehave, with the statuses that they got.
    """

    load: LoadResult
    misbehaving: Sequence[Misbehaving]
    telecmi: dict[str, Any] = field(default_factory=dict)

    @property
    def foreign(self) -> list[str]:
        """Answers with something of another account."""
        return [call.wrong for call in self.load.calls if call.wrong.startswith("FOREIGN")]

    @property
    def late(self) -> int:
        """How many calls that should have had an answer ended at their time limit: many on an overloaded machine."""
        return sum(call.wrong == LATE for call in self.load.calls)

    @property
    def contacts(self) -> int:
        """How many contacts were in answers, each of which was checked."""
        return sum(call.contacts for call in self.load.calls)

    @property
    def wrong(self) -> list[str]:
        """Everything that may not be."""
        failed_at_once = sum(call.wrong == AT_ONCE for call in self.load.calls)
        wrong = sorted(call.wrong for call in self.load.calls if call.wrong not in {"", AT_ONCE, LATE})
        if failed_at_once > self.telecmi["at_once"]:
            wrong.append(f"{failed_at_once} calls failed for {self.telecmi['at_once']} connections")
        wrong += [f"{self.telecmi[what]} {what}" for what in ("shared", "followed") if self.telecmi[what]]
        wrong += [
            f"{each.habit.__name__} was answered"
            for each in self.misbehaving
            if each.habit in NEVER_ANSWERED and each.statuses["200"]
        ]
        return wrong


@contextmanager
def _hostile_telecmi(plan: Plan, seen: dict[str, Any]) -> Iterator[int]:
    """Run the stand-in in a process of its own and give its port; what it saw is in ``seen`` at the end."""
    words = ["--accounts", str(plan.accounts), "--contacts", str(plan.contacts), "--delay", str(plan.delay)]
    command = [sys.executable, "-m", "benchmarks.team_hostile", *words]
    paths = os.pathsep.join(map(str, (_ROOT, _ROOT / "tests")))
    environ = {**os.environ, "PYTHONPATH": paths}
    with subprocess.Popen(command, env=environ, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        seen.update(json.loads(process.stdout.readline()))


def measure_hostile(plan: Plan, folder: Path) -> HostileResult:
    """Build the stage, run the callers against it, and return what they saw."""
    key = run_command("team", "new-key")[0].strip()
    key_file = folder / "encryption-keys"
    key_file.touch(0o600)
    key_file.write_text(f"{key}\n", encoding="utf8")
    telecmi: dict[str, Any] = {}
    with _hostile_telecmi(plan, telecmi) as port:
        variables = {
            "TELECMI_BASE_URL": f"http://127.0.0.1:{port}",
            "TELECMI_SIGN_INS": "callers",
            "TELECMI_ENCRYPTION_KEYS_FILE": str(key_file),
            "TELECMI_TIMEOUT": f"{plan.timeout:g}",
            "TELECMI_INDEX_MAX_AGE": f"{_INDEX_MAX_AGE_S:g}",
            "TELECMI_AUDIT": "stdout",
        }
        with open_stage(folder, **variables) as stage:
            result = asyncio.run(_run(plan, stage, variables["TELECMI_BASE_URL"], key))
    result.telecmi = telecmi
    return result


async def _run(plan: Plan, stage: Stage, base_url: str, encryption_key: str) -> HostileResult:
    accounts = [Account(number, plan.contacts) for number in range(plan.accounts)]
    names = [f"caller-{each}" for each in range(plan.callers)]
    keys = stage.keys(names)
    account_of = [accounts[each % plan.accounts] for each in range(plan.callers)]
    await _sign_in(stage, base_url, encryption_key, dict(zip(names, account_of, strict=True)))
    good = range(MISBEHAVING, plan.callers)
    wires = open_wires(stage, [keys[each] for each in good])
    await asyncio.gather(*(read_whole(wire) for wire in wires[: plan.accounts]))
    callers = [
        CheckingCaller(wire, seed=each, pause=plan.pause, account=account_of[each], timeout=plan.timeout)
        for each, wire in zip(good, wires, strict=True)
    ]
    misbehaving = _misbehaving(stage, keys)
    until = time.monotonic() + plan.seconds
    load = await run_callers(plan, stage, callers, *(each.work(until) for each in misbehaving))
    return HostileResult(load, misbehaving)


async def _sign_in(stage: Stage, base_url: str, encryption_key: str, account_of: dict[str, Account]) -> None:
    """Keep a sign-in for each caller, without a command for each."""
    database = Database(stage.cluster.url(stage.name))
    database.open()
    try:
        settings = TeamSettings(sign_ins="callers", encryption_keys=SecretStr(encryption_key))
        sign_ins = TeamSignIns(database, open_vault(settings))
        for name, account in account_of.items():
            user = SignInAccount(base_url, account.user_id)
            await sign_ins.keep(name, Credentials(user, SecretStr(account.token), time.time() - _TOKEN_AGE_S))
    finally:
        await asyncio.to_thread(database.close)


def _misbehaving(stage: Stage, keys: Sequence[str]) -> list[Misbehaving]:
    """Return the callers that misbehave; every second one is past nginx, at a replica."""
    tls = ssl.create_default_context(cafile=stage.certificate)
    return [
        Misbehaving(stage.url, tls, keys[each], keys[-1], each)
        if each % 2
        else Misbehaving(f"http://127.0.0.1:{stage.replicas[1].port}/mcp", None, keys[each], keys[-1], each)
        for each in range(MISBEHAVING)
    ]


def report_hostile(plan: Plan, seen: HostileResult) -> str:
    """Return what was seen, in lines."""
    telecmi, checked = seen.telecmi, sum(not call.lost for call in seen.load.calls)
    played = telecmi["played"]
    at_once = sum(call.wrong == AT_ONCE for call in seen.load.calls)
    lines = [
        f"hostile: {plan.accounts} accounts of {plan.contacts} contacts, {MISBEHAVING} callers misbehave",
        report(plan, seen.load),
        f"{checked} answers checked, {len(seen.wrong)} wrong, {seen.late} at their time limit",
        f"{seen.contacts} contacts checked, {len(seen.foreign)} answers with one of another account",
        f"TeleCMI: {telecmi['requests']} requests on {telecmi['connections']} connections",
        f"  {telecmi['surplus']} answers with surplus bytes",
        f"  {sum(played.values())} plays of {len(played)} of {len(NUMBERED)} faults",
        f"  {telecmi['at_once']} connections failed at once; {at_once} calls ended with that",
        *(f"  {each.habit.__name__}: {_counted(each.statuses)}" for each in seen.misbehaving),
        *(f"  {wrong}" for wrong in seen.wrong[:_SHOWN]),
    ]
    return "\n".join(lines)


def _counted(statuses: Counter[str]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())) or "no answer"
