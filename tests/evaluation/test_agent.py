"""The commands by which an agent with a shell does a run."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from e2e.lines import PATIENCE, call, initialize
from evals import answer
from evals.agent import Run, introduction
from evals.book import SIZE
from evals.call import call_recorded
from evals.tasks import make_tasks
from evals.transcripts import answer_line, append, new_header, read_transcript
from paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TASKS = make_tasks()
CODE = next(iter(TASKS))


def test_a_run_is_begun_once(tmp_path: Path) -> None:
    run = Run(tmp_path / "runs", "first")
    run.begin("a model")
    assert read_transcript(run.transcript, TASKS).model == "a model"
    with pytest.raises(FileExistsError):
        run.begin("another")
    assert read_transcript(run.transcript, TASKS).model == "a model"


def test_an_agent_is_told_the_tools_and_the_form_of_an_answer_and_no_task() -> None:
    tool = {"name": "search_contacts", "description": "Finds contacts."}
    text = introduction({"instructions": "Search first.", "tools": [tool]})
    assert text.startswith("Search first.\n\n")
    assert '"name": "search_contacts"' in text
    assert '{"cannot": true}' in text
    assert CODE not in text


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [("[{}]", "no form of a claim"), ("nobody", "use a JSON list of claims"), ('{"none": true}', "a JSON list")],
)
def test_an_answer_of_a_wrong_form_is_refused_and_not_recorded(
    claims: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(answer, "RUNS", tmp_path)
    with pytest.raises(SystemExit):
        answer.main(["run", CODE, claims])
    assert sentence in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_an_answer_is_recorded_for_a_task_that_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "RUNS", tmp_path)
    append(tmp_path / "run.jsonl", new_header("a model"))
    assert answer.main(["run", CODE, '[{"none": true}]']) == 0
    run = read_transcript(tmp_path / "run.jsonl", TASKS)
    assert [claim.kind for claim in run.attempts[CODE].claims] == ["none"]
    with pytest.raises(SystemExit):
        answer.main(["run", "no-task", "[]"])


def test_stopping_a_run_without_a_server_does_nothing(tmp_path: Path) -> None:
    Run(tmp_path, "run").stop()
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_the_book_is_served_on_stdio() -> None:
    lines = "".join(json.dumps(message) + "\n" for message in [*initialize(), call(1, "list_contacts", limit=1)])
    done = subprocess.run(
        [sys.executable, "-m", "evals.serve"],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
        cwd=ROOT,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[-1]["result"]["structuredContent"]["count"] == SIZE


@pytest.mark.slow
def test_calls_of_a_run_are_answered_by_one_server_and_recorded(tmp_path: Path) -> None:
    run = Run(tmp_path, "run")
    run.begin("a model")
    try:
        offered = run.ask({"offered": True})
        assert {"search_contacts", "get_contact", "list_contacts"} <= {tool["name"] for tool in offered["tools"]}
        port = (tmp_path / "run.port").read_text()
        right = call_recorded(run, CODE, "list_contacts", {"limit": 1})
        wrong = call_recorded(run, CODE, "list_contacts", {"limit": 0})
        assert (tmp_path / "run.port").read_text() == port
    finally:
        run.stop()
    append(run.transcript, answer_line(CODE, [{"cannot": True}]))
    attempt = read_transcript(run.transcript, TASKS).attempts[CODE]
    assert attempt.calls == (right, wrong)
    assert (right.is_error, right.finds, wrong.is_error) == (False, True, True)
    assert '"count":4000' in right.text
    with pytest.raises(OSError, match=r"efused|reset"):
        run._exchange({"offered": True})
