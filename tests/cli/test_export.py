"""Tests what ``telecmi-mcp export`` refuses, and what it prints about a file."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from telecmi_mcp._cli import main
from telecmi_mcp._cli.contacts import export
from telecmi_mcp._cli.progress import Progress
from telecmi_mcp._export import FILE_FORMATS, Exported

if TYPE_CHECKING:
    from collections.abc import Sequence

WHOLE = Exported(
    path=Path("people.csv"),
    contacts=1500,
    count=1500,
    malformed=0,
    surplus=0,
    is_broken=False,
    is_whole=True,
    resumed=0,
    restarted="",
)


def refused(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["export", "--sandbox", *arguments])
    out, said = capsys.readouterr()
    assert out == ""
    return code, said.removeprefix("telecmi-mcp: ")


def test_an_existing_file_is_replaced_by_force_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "people.csv"
    file.write_text("mine")
    code, said = refused([str(file)], capsys)
    assert (code, said) == (2, "Choose another name, or pass --force: the file exists already.\n")
    assert file.read_text() == "mine"
    assert main(["export", "--sandbox", "--force", str(file)]) == 0
    assert file.read_bytes().count(b"\r\n") == 151


def test_the_target_of_a_link_is_replaced_and_the_link_is_kept(tmp_path: Path) -> None:
    file, link = tmp_path / "people.jsonl", tmp_path / "link.jsonl"
    file.write_text("mine")
    try:
        link.symlink_to(file)
    except OSError:
        pytest.skip("no links here")
    assert main(["export", "--sandbox", "--force", str(link)]) == 0
    assert link.is_symlink()
    assert file.read_text("utf8").count("\n") == 150


@pytest.mark.parametrize("name", ["people", "people.xlsx", "people.csv.gz", ".csv"])
def test_a_name_without_a_known_suffix_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    code, said = refused([str(tmp_path / name)], capsys)
    assert code == 2
    assert ".csv, .jsonl or .vcf" in said


def test_the_format_overrides_the_suffix_and_the_suffix_is_case_insensitive(tmp_path: Path) -> None:
    assert main(["export", "--sandbox", "--format", "jsonl", str(tmp_path / "people.txt")]) == 0
    assert (tmp_path / "people.txt").read_bytes().startswith(b'{"contact_id"')
    assert main(["export", "--sandbox", str(tmp_path / "PEOPLE.VCF")]) == 0
    assert (tmp_path / "PEOPLE.VCF").read_bytes().startswith(b"BEGIN:VCARD\r\nVERSION:4.0\r\n")


@pytest.mark.parametrize("name", ["", "x" * 300 + ".csv"])
def test_a_folder_and_an_invalid_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    code, said = refused(["--format", "csv", f"{tmp_path}/{name}"], capsys)
    assert (code, said.startswith("Choose another name: ")) == (2, True)


def test_a_missing_folder_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = refused([str(tmp_path / "nowhere" / "people.csv")], capsys)
    assert (code, said) == (3, "Choose another place for the file: its folder does not exist.\n")


def test_without_a_sign_in_no_file_is_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("TELECMI_TOKEN", "TELECMI_USER_ID"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("telecmi_mcp._private_files.state_folder", lambda: tmp_path / "state")
    code = main(["export", str(tmp_path / "people.csv")])
    assert (code, "no user is signed in" in capsys.readouterr().err) == (4, True)
    assert not list(tmp_path.glob("*people*"))


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "1,500 contacts in people.csv; complete."),
        (
            {"malformed": 1},
            "1,500 contacts in people.csv; complete; 1 malformed entry was left out.",
        ),
        (
            {"malformed": 2, "resumed": 1000},
            (
                "1,500 contacts in people.csv; complete; 2 malformed entries were left out; "
                "1,000 came from the previous run."
            ),
        ),
        (
            {"restarted": "what was there is older than a day"},
            (
                "1,500 contacts in people.csv; complete; read from the beginning, "
                "because what was there is older than a day."
            ),
        ),
        (
            {"is_whole": False, "count": 1501},
            "1,500 contacts in people.csv; not complete, because TeleCMI counts 1,501.",
        ),
        (
            {"is_whole": False, "is_broken": True},
            "1,500 contacts in people.csv; not complete, because TeleCMI's list ended early.",
        ),
        (
            {"is_whole": False, "surplus": 3, "count": None},
            ("1,500 contacts in people.csv; not complete, because TeleCMI returned pages longer than requested."),
        ),
        ({"path": Path("a\x1b[2Jb.csv")}, "1,500 contacts in ab.csv; complete."),
    ],
)
def test_the_summary_is_one_sentence(facts: dict[str, object], sentence: str) -> None:
    assert export._summary(replace(WHOLE, **facts)) == sentence  # type: ignore[arg-type]


async def test_a_terminal_gets_a_bar_that_is_redrawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = Progress()
    await progress.show(75, 150)
    await progress.show(150, 150)
    progress.end()
    half, full = "#" * 20 + " " * 20, "#" * 40
    assert capsys.readouterr().err == f"\r[{half}] 75 of 150 contacts\r[{full}] 150 of 150 contacts\n"


async def test_without_a_terminal_a_line_is_printed_for_each_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress()
    for read in range(100, 1_001, 100):
        await progress.show(read, 5_000)
    assert len(capsys.readouterr().err.splitlines()) == 3
    progress = Progress()
    for read in range(100, 25_001, 100):
        await progress.show(read, None)
    progress.end()
    assert capsys.readouterr().err.splitlines() == ["100 contacts", "10,000 contacts", "20,000 contacts"]


async def test_a_bar_is_not_wider_than_the_terminal_and_a_transient_one_is_removed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((40, 24)))
    progress = Progress(is_transient=True)
    await progress.show_on_terminal(75, 150)
    progress.end()
    bar, blank = capsys.readouterr().err.split("\r")[1:3]
    assert len(bar) < 40
    assert blank == " " * len(bar)
    progress.end()
    assert capsys.readouterr().err == ""


async def test_an_answer_prints_no_progress_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(is_transient=True)
    await progress.show_on_terminal(75, 150)
    progress.end()
    assert (progress.read, capsys.readouterr().err) == (75, "")


@pytest.mark.parametrize(
    ("words", "start", "ends"),
    [
        ([], b'"contact_id","phone_no"', b"\r\n"),
        (["--format", "jsonl"], b'{"contact_id": "d3b07384', b"}\n"),
        (["--format", "vcf"], b"BEGIN:VCARD\r\nVERSION:4.0\r\n", b"END:VCARD\r\n"),
        (["--format", "vcf", "--vcard-version", "3.0"], b"BEGIN:VCARD\r\nVERSION:3.0\r\n", b"END:VCARD\r\n"),
    ],
)
def test_a_hyphen_writes_to_stdout_what_a_file_would_hold(
    words: list[str], start: bytes, ends: bytes, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = tmp_path / f"people.{words[1] if words else 'csv'}"
    assert main(["export", "--sandbox", str(file), *words]) == 0
    capfdbinary.readouterr()
    assert main(["export", "--sandbox", "-", *words]) == 0
    out, said = capfdbinary.readouterr()
    assert out == file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    assert (out.startswith(start), out.endswith(ends)) == (True, True)
    assert said.splitlines()[-1] == b"150 contacts on standard output; complete."
    assert {path.name for path in tmp_path.iterdir()} == {file.name}


def test_the_formats_of_the_flag_are_those_that_there_are() -> None:
    assert export._FORMATS == FILE_FORMATS


def test_a_version_of_vcards_is_refused_for_other_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = refused([str(tmp_path / "people.csv"), "--vcard-version", "3.0"], capsys)
    assert (code, said) == (2, "Use --vcard-version with vcf: only vCards have this version.\n")
