"""docs/evaluation.md says what the code does."""

from __future__ import annotations

import re

from evals.book import SIZE
from evals.people import ORDERS
from evals.report import MAX_CALLS_PERCENT, MAX_TOKENS
from evals.scorer import Verdict
from evals.tasks import make_tasks
from paths import ROOT

PAGE = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf8")


def test_the_page_has_the_figures_of_the_code() -> None:
    assert f" {len(make_tasks())} tasks" in PAGE
    assert f" {SIZE:,} contacts" in PAGE
    assert len(ORDERS) == 6
    assert "six contacts whose fields hold orders" in PAGE
    assert f"at most {MAX_CALLS_PERCENT} % of the oracle's calls, fewer than {MAX_TOKENS:,} tokens" in PAGE


def test_the_page_explains_every_verdict() -> None:
    assert re.findall(r"^\| ([a-z', ]+) \| (?!example)", PAGE, re.MULTILINE)[-len(Verdict) :] == [
        each.value for each in Verdict
    ]


def test_the_page_names_modules_that_exist() -> None:
    modules = re.findall(r"python -m evals(?:\.(\w+))?", PAGE)
    assert {"agent", "answer", "call", "serve", "tasks"} <= {*modules}
    for module in modules:
        assert (ROOT / "evals" / f"{module or '__main__'}.py").exists(), module
    for path in re.findall(r"`(evals/[\w.]+\.(?:py|toml))`", PAGE):
        assert (ROOT / path).exists(), path
