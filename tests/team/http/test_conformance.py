"""The official conformance suite against two replicas behind nginx, which share no session.

Its scenarios speak plain HTTP and have no access key, so this nginx ends no TLS and adds a key.
"""

from __future__ import annotations

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

from paths import ROOT
from team.programs import ENVIRONMENT, PROGRAMS, needs_programs
from team.stage import open_stage
from team.telecmi import opened_telecmi, user

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs_programs

AMAL = user("amal", 101)
EXPECTED = ROOT / ".ci" / "judging" / "conformance.yaml"
# It would like a session for the streams; here each answer is a stream of its own.
NO_SESSIONS = {"2025-11-25": ["server-sse-multiple-streams"]}
VERSIONS = ("2025-06-18", "2025-11-25", "2026-07-28")  # of 2025-03-26 there is one scenario, about sessions
PATIENCE = 120


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, subprocess.CompletedProcess[str]]]:
    """What the suite says of each version of the specification, two at a time."""
    folder = tmp_path_factory.mktemp("conformance")
    with (
        opened_telecmi(AMAL) as telecmi,
        open_stage(folder, TELECMI_BASE_URL=telecmi, TELECMI_TOKEN=AMAL.token) as stage,
        stage.another_nginx(stage.key("suite")) as url,
        ThreadPoolExecutor(2) as threads,
    ):
        yield dict(zip(VERSIONS, threads.map(lambda version: judge(version, url, folder), VERSIONS), strict=True))


def judge(version: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    expected = yaml.safe_load(EXPECTED.read_text(encoding="utf8"))
    expected["server"] += NO_SESSIONS.get(version, [])
    baseline = folder / f"{version}.yaml"
    baseline.write_text(yaml.safe_dump(expected), encoding="utf8")
    words = ["node", str(PROGRAMS / ".bin" / "conformance"), "server", "--url", url, "--suite", "all"]
    words += ["--spec-version", version, "--expected-failures", str(baseline), "--output-dir", str(folder / version)]
    env = {**os.environ, **ENVIRONMENT}
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize(("version", "checks"), [("2025-06-18", 31), ("2025-11-25", 37), ("2026-07-28", 90)])
def test_the_suite_finds_nothing_that_is_not_expected(
    version: str, checks: int, verdicts: dict[str, subprocess.CompletedProcess[str]]
) -> None:
    verdict = verdicts[version]
    assert verdict.returncode == 0, verdict.stdout[-5000:]
    (passed,) = re.findall(r"Total: (\d+) passed", verdict.stdout)
    assert int(passed) >= checks
