"""Transcripts: written and read again, scored beside the oracle, stale when the tools or the questions change."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from evals import __main__ as program
from evals.attempt import Attempt
from evals.claims import CANNOT, fact, number, person
from evals.plans import say
from evals.report import Judged, Totals, judge, oracle_table, runs_table, total
from evals.scorer import Call, Scorer, Truth, Verdict
from evals.task import Task
from evals.transcripts import (
    STORED,
    InvalidTranscript,
    Transcript,
    answer_line,
    append,
    call_line,
    new_header,
    read_transcript,
    tools_hash,
)
from evaluation.small_book import contacts

if TYPE_CHECKING:
    from pathlib import Path

SCORER = Scorer(contacts(), len)
FOUND = Call("search_contacts", {"query": "Asha"}, '{"matches":[{"contact_id":"a1","match":"exact"}]}')
ASHA = Task("direct-1", "sales", "Number of Asha?", Truth(frozenset({fact("a1", "phone_no", "919200000001")})), ())
COUNT = Task("count-1", "sales", "How many?", Truth(frozenset({number(8)})), ())
TASKS = {task.code: task for task in (ASHA, COUNT)}
RIGHT = [{"who": "a1", "field": "phone_no", "value": "919200000001"}]
ORACLE = judge(
    [Attempt(ASHA, calls=(FOUND,), claims=(*ASHA.truth.required,)), Attempt(COUNT, needs="count_contacts")], SCORER
)


def run_of(path: Path, **answers: object) -> Transcript:
    """Write and read a transcript with one call and the answers, by the kinds of the tasks."""
    append(path, new_header("a model"))
    append(path, call_line(ASHA.code, FOUND))
    for kind, answer in answers.items():
        assert isinstance(answer, list)
        append(path, answer_line({"direct": ASHA.code, "count": COUNT.code}[kind], answer))
    return read_transcript(path, TASKS)


def test_a_transcript_is_read_as_it_was_written(tmp_path: Path) -> None:
    refused = Call("search_contacts", {}, "Missing query.", is_error=True)
    append(tmp_path / "first.jsonl", new_header("a model"))
    append(tmp_path / "first.jsonl", call_line(ASHA.code, refused))
    append(tmp_path / "first.jsonl", call_line(ASHA.code, FOUND))
    append(tmp_path / "first.jsonl", answer_line(ASHA.code, RIGHT))
    run = read_transcript(tmp_path / "first.jsonl", TASKS)
    assert (run.name, run.model, run.is_stale) == ("first", "a model", False)
    assert run.attempts == {ASHA.code: Attempt(ASHA, calls=(refused, FOUND), claims=(*ASHA.truth.required,))}


def test_a_task_that_no_longer_exists_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    append(path, new_header("a model"))
    append(path, call_line("gone", FOUND))
    assert read_transcript(path, TASKS).attempts == {}


def test_a_run_is_stale_when_the_tools_or_the_questions_are_others(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run.jsonl")
    assert run.tools == tools_hash()
    assert not run.is_stale
    assert replace(run, tools="0").is_stale
    assert replace(run, questions="0").is_stale


def test_the_hash_is_of_the_tools_and_the_instructions_and_of_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.transcripts._SNAPSHOTS", tmp_path)
    hashes = [tools_hash()]
    (tmp_path / "prompts.json").write_text("[]")
    assert tools_hash() == hashes[0]
    for text in ('{"inputSchema": {}}', '{"inputSchema": {"a": 1}}'):
        (tmp_path / "search_contacts.json").write_text(text)
        hashes.append(tools_hash())
    monkeypatch.setattr("evals.transcripts.INSTRUCTIONS", "other")
    assert len({*hashes, tools_hash()}) == 4


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"date": "x"}\nno json', '{"date":"x","model":"y","tools":"z","questions":"q"}\n{}']
)
def test_a_file_that_is_no_transcript_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(InvalidTranscript, match=r"bad\.jsonl"):
        read_transcript(path, TASKS)


def test_a_run_without_a_fault_meets_the_targets(tmp_path: Path) -> None:
    found = total(run_of(tmp_path / "run.jsonl", direct=RIGHT), ORACLE, SCORER)
    assert (found.possible, found.right, found.calls, found.oracle_calls) == (1, 1, 1, 1)
    assert found.tokens == len(FOUND.text)
    assert found.missed_targets() == []


@pytest.mark.parametrize(
    ("answer", "missed"),
    [
        ([], "1 possible tasks not right"),
        ([{"none": True}], "1 times false denial"),
        ([*RIGHT, {"who": "b1"}], "1 times somebody else's fact"),
        ([*RIGHT, {"count": 3}], "1 times invented fact"),
    ],
)
def test_a_run_with_a_fault_misses_a_target(answer: list[object], missed: str, tmp_path: Path) -> None:
    assert missed in total(run_of(tmp_path / "run.jsonl", direct=answer), ORACLE, SCORER).missed_targets()


def test_calls_and_tokens_have_targets_too() -> None:
    met = Totals(1, 1, {Verdict.INVENTED: 0}, 0, calls=115, oracle_calls=100, tokens=29_999, dead_ends=3)
    assert met.missed_targets() == []
    assert replace(met, calls=116).missed_targets() == ["more than 115 % of the oracle's calls"]
    assert replace(met, tokens=30_000).missed_targets() == ["30,000 tokens or more"]


def test_cannot_is_right_for_a_task_whose_tool_is_missing_and_wrong_for_another(tmp_path: Path) -> None:
    honest = run_of(tmp_path / "run.jsonl", direct=RIGHT, count=[{"cannot": True}])
    assert total(honest, ORACLE, SCORER).missed_targets() == []
    guessing = run_of(tmp_path / "other.jsonl", direct=RIGHT, count=[{"count": 7}])
    assert total(guessing, ORACLE, SCORER).wrong[Verdict.INVENTED] == 1
    giving_up = run_of(tmp_path / "third.jsonl", direct=[{"cannot": True}])
    assert total(giving_up, ORACLE, SCORER).wrong[Verdict.FALSE_DENIAL] == 1


def test_the_tables_say_what_is_missing_and_what_is_stale(tmp_path: Path) -> None:
    table = oracle_table(ORACLE)
    assert "| count | 1 | 0 | 0 | 0 | count_contacts |" in table
    assert f"| all | 2 | 1 | 1 | {len(FOUND.text)} | count_contacts |" in table
    run = replace(run_of(tmp_path / "run.jsonl", direct=RIGHT), tools="0")
    row = runs_table({"run": (run, total(run, ORACLE, SCORER))}).splitlines()[-1]
    assert row.startswith("| run | ")
    assert "| a model | stale | 1 of 1 | 0 | 0 | 0 | 0 |" in row
    assert row.endswith("| met |")


async def _oracle() -> list[Attempt]:
    return [each.attempt for each in ORACLE.values()]


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program ask about the small book."""
    monkeypatch.setattr(program, "_ask_oracle", _oracle)
    monkeypatch.setattr(program, "make_tasks", lambda: TASKS)
    monkeypatch.setattr(program, "make_book", contacts)


@pytest.mark.usefixtures("main")
def test_a_run_of_todays_tools_fails_by_its_faults_and_a_stale_one_never(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.jsonl"
    run_of(path, direct=[{"none": True}])
    assert program.main([str(path)]) == 1
    assert "failed: run" in capsys.readouterr().out
    header, *rest = path.read_text(encoding="utf8").splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(header), "tools": "0"}), *rest]), encoding="utf8")
    assert program.main([str(path)]) == 0
    assert "stale" in capsys.readouterr().out


@pytest.mark.usefixtures("main")
def test_a_task_that_the_oracle_fails_at_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def failing() -> list[Attempt]:
        return [Attempt(ASHA, calls=(FOUND,), claims=(person("a2"),))]

    monkeypatch.setattr(program, "_ask_oracle", failing)
    monkeypatch.setattr(program, "STORED", tmp_path)
    assert program.main([]) == 1
    assert "failed: the oracle, direct-1" in capsys.readouterr().out


def test_a_plan_without_calls_is_judged_like_any_other() -> None:
    task = Task("write-1", "sales", "Delete it.", Truth(frozenset({CANNOT})), (say(CANNOT),))
    (judged,) = judge([Attempt(task, claims=(CANNOT,))], SCORER).values()
    assert isinstance(judged, Judged)
    assert not judged.is_unreached


def test_the_stored_transcripts_can_be_read() -> None:
    from evals.tasks import make_tasks

    for path in STORED.glob("*.jsonl"):
        read_transcript(path, make_tasks())
