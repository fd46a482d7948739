"""The workflows, the forms and the hook of the repository run and ask for what CONTRIBUTING.md says."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

from paths import ROOT

FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf8"))


def commands(job: str) -> list[str]:
    """What the steps of a job of ci.yml run."""
    steps = load(".github/workflows/ci.yml")["jobs"][job]["steps"]
    return [step["run"] for step in steps if "run" in step]


def test_ci_lints_in_a_job_of_its_own_with_the_judges_that_need_no_node() -> None:
    assert commands("lint") == ["make check", "sh .ci/judges bandit zizmor hadolint"]


def test_ci_runs_the_default_tests_on_every_system_from_hashes() -> None:
    install, run = commands("systems")
    assert "--require-hashes --no-deps --requirement requirements/dev.txt" in install
    assert run == "python -m pytest -n auto"
    systems = load(".github/workflows/ci.yml")["jobs"]["systems"]["strategy"]["matrix"]["system"]
    assert systems == ["macos-latest", "ubuntu-latest", "windows-latest"]


def test_ci_measures_coverage_and_has_a_floor() -> None:
    assert re.search(
        r"^make test-lowest ARGS=\"--cov ", (ROOT / ".ci" / "run").read_text(encoding="utf8"), re.MULTILINE
    )
    assert re.search(r"^fail_under = [7-9]\d$", (ROOT / "pyproject.toml").read_text(encoding="utf8"), re.MULTILINE)


def test_ci_runs_the_evaluation_once() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf8").splitlines()
    assert lines.count("make evals") == 1


def test_the_hook_before_a_commit_runs_what_the_lint_job_runs() -> None:
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    (hook,) = repository["hooks"]
    assert (repository["repo"], hook["entry"], hook["pass_filenames"]) == ("local", "make check", False)


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_what_github_requires(form: Any) -> None:
    content = yaml.safe_load(form.read_text(encoding="utf8"))
    assert {"name", "description", "body"} <= content.keys() <= {"name", "description", "labels", "body"}
    asked = [element for element in content["body"] if element["type"] != "markdown"]
    assert all(element["type"] in {"input", "textarea"} and element["attributes"]["label"] for element in asked)
    assert len({element["id"] for element in asked}) == len(asked) > 0


def test_a_bug_report_warns_of_secrets_and_asks_for_the_check() -> None:
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf8")
    assert "Do not paste tokens, passwords or real contacts." in text
    assert "telecmi-mcp check" in text
