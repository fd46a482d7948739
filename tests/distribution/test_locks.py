"""Tests that the locks hold what is declared, and that a plain install brings no new package."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import tomllib
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))
LOCKS = {path.stem: path.read_text(encoding="utf8") for path in (ROOT / "requirements").glob("*.txt")}
WHOLE_LISTS = [
    *sorted((ROOT / ".ci" / "judging").glob("*.txt")),
    ROOT / "tests" / "clients" / "fastmcp.txt",
    ROOT / "tests" / "clients" / "frameworks" / "mcp1.txt",
    ROOT / "tests" / "clients" / "frameworks" / "mcp2.txt",
    ROOT / "tests" / "team" / "browser" / "playwright.txt",
]
CONSTRAINTS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf8").split())

PLAIN_INSTALL = {
    *("annotated-types", "anyascii", "anyio", "attrs", "cffi", "click", "cryptography", "h11", "httpcore2", "httpx2"),
    *("idna", "jsonschema", "jsonschema-specifications", "mcp", "mcp-types", "nicknames", "opentelemetry-api"),
    *("platformdirs", "pycparser"),
    *("pydantic", "pydantic-core", "pyjwt", "python-multipart", "referencing", "rpds-py", "shtab", "sse-starlette"),
    *("starlette", "truststore", "typing-extensions", "typing-inspection", "uvicorn"),
}
"""What `pip install telecmi-mcp` brings beside itself, on Linux and macOS."""

IS_LOWEST = importlib.metadata.version("anyio") == "4.10.0"  # that pyproject.toml allows
BROUGHT_BY_OLD = {"importlib-metadata", "sniffio", "zipp"} if IS_LOWEST else set()
"""What only the lowest versions that are allowed bring: opentelemetry-api and anyio needed them."""

ON_WINDOWS = {"colorama", "pywin32", "tzdata"}
UNBOUNDED = {"cryptography"}
"""A new major version of it comes every few months, and security fixes come in the newest only."""


def needed(package: str, extras: frozenset[str] = frozenset(), seen: set[tuple[str, str]] | None = None) -> set[str]:
    """Names of all packages that an installed one needs on this system, and what those need."""
    seen = set() if seen is None else seen
    for text in importlib.metadata.requires(package) or []:
        each = Requirement(text)
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            name = canonicalize_name(each.name)
            new = {(name, extra) for extra in {"", *each.extras}} - seen
            seen |= new
            if new:
                needed(name, frozenset(each.extras), seen)
    return {name for name, _ in seen} - BROUGHT_BY_OLD


def locked(text: str) -> dict[str, str]:
    """The versions of a lock by their packages."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, re.MULTILINE))


def test_a_plain_install_brings_these_packages_and_no_other() -> None:
    assert needed("telecmi-mcp") == PLAIN_INSTALL
    assert len(PLAIN_INSTALL) < 33


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/dependencies.md"])
def test_a_page_has_the_number_of_packages_that_a_plain_install_brings(page: str) -> None:
    numbers = re.findall(r"(\d+) packages", (ROOT / page).read_text(encoding="utf8"))
    assert numbers == [str(len(PLAIN_INSTALL))]


def test_the_lock_of_a_plain_install_is_what_that_brings() -> None:
    assert locked(LOCKS["runtime"]).keys() - ON_WINDOWS == PLAIN_INSTALL


@pytest.mark.parametrize("extra", ["keyring", "team"])
def test_the_lock_of_an_extra_holds_what_that_brings(extra: str) -> None:
    assert needed("telecmi-mcp", frozenset([extra])) <= locked(LOCKS[extra]).keys()
    assert locked(LOCKS["runtime"]).items() <= locked(LOCKS[extra]).items()


def test_the_lock_of_development_holds_all_that_is_declared_and_what_it_needs() -> None:
    declared = map(Requirement, PROJECT["dependency-groups"]["dev"])
    for each in declared:
        wanted = {canonicalize_name(each.name)} | needed(each.name, frozenset(each.extras))
        assert wanted <= locked(LOCKS["dev"]).keys()
    assert needed("telecmi-mcp", frozenset(["keyring", "team"])) <= locked(LOCKS["dev"]).keys()


def test_the_constraints_are_the_versions_of_the_lock_and_no_lock_has_another() -> None:
    assert locked(LOCKS["dev"]) == CONSTRAINTS
    for name, text in LOCKS.items():
        assert {
            each: version for each, version in locked(text).items() if CONSTRAINTS.get(each, version) != version
        } == {}, name


def test_each_lock_is_made_by_one_command() -> None:
    spec = importlib.util.spec_from_file_location("lock", ROOT / ".ci" / "lock.py")
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    assert {"dev", *program.LOCKS} == LOCKS.keys()
    assert program.OTHERS == WHOLE_LISTS
    assert program.versions(LOCKS["dev"]) == [f"{name}=={version}" for name, version in CONSTRAINTS.items()]


@pytest.mark.parametrize(
    "path", [*sorted((ROOT / "requirements").glob("*.txt")), *WHOLE_LISTS], ids=lambda path: path.name
)
def test_each_line_is_an_exact_version_with_hashes_and_no_address(path: Path) -> None:
    text = re.sub(r"^#.*\n", "", path.read_text(encoding="utf8"), flags=re.MULTILINE)
    version = r"[a-z0-9-]+==[0-9][A-Za-z0-9.]*( ; [a-z_]+ [<>=!]+ '[A-Za-z0-9._*]+')? \\\n"
    hashes = r"(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+"
    assert re.fullmatch(f"({version}{hashes})+", text)


def test_a_dependency_is_bounded_below_the_next_major_version_unless_listed() -> None:
    extras = PROJECT["project"]["optional-dependencies"].values()
    declared = [
        Requirement(each)
        for each in [*PROJECT["project"]["dependencies"], *(each for extra in extras for each in extra)]
    ]
    unbounded = {each.name for each in declared if not any(bound.operator == "<" for bound in each.specifier)}
    assert unbounded == UNBOUNDED
    assert [each.name for each in declared if CONSTRAINTS[canonicalize_name(each.name)] not in each.specifier] == []
