"""Tests ``telecmi-mcp lookup``: a list of names comes back with the contacts, and no row is lost."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import opened_desk
from e2e.lines import PATIENCE, environment
from telecmi_mcp import App
from telecmi_mcp._cli import main
from telecmi_mcp._cli.contacts import lookup
from telecmi_mcp._cli.contacts.lookup_table import completed_row, read_table
from telecmi_mcp._index.result import LookupResult
from telecmi_mcp._models import Contact
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]

COLUMNS = ["status", "matches", *Contact._fields, "match"]
NAMES = "name,city\nJohn Doe,Chennai\nPriya,Pune\n,Goa\nzzkqwx,Bonn\nPriya Vrandelkis,Delhi\nhow many,\n"


def looked_up(file: Path, capsys: Capture, *words: str) -> tuple[int, list[dict[str, str]], str]:
    """Look a file up over the sandbox; return the exit code, the rows and the last line on stderr."""
    code = main(["lookup", "--sandbox", str(file), *words])
    out, said = capsys.readouterr()
    return code, list(csv.DictReader(io.StringIO(out, newline=""))), said.splitlines()[-1]


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "names.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_a_list_of_names_comes_back_with_the_contacts(tmp_path: Path, capsys: Capture) -> None:
    code, rows, totals = looked_up(write(tmp_path, NAMES), capsys)
    assert list(rows[0]) == ["name", "city", *COLUMNS]
    assert [row["name"] for row in rows] == ["John Doe", "Priya", "", "zzkqwx", "Priya Vrandelkis", "how many"]
    assert [row["city"] for row in rows] == ["Chennai", "Pune", "Goa", "Bonn", "Delhi", ""]
    states = [("found", "1"), ("several", "4"), ("", ""), ("not_found", "0"), ("partial", "0"), ("unclear", "")]
    assert [(row["status"], row["matches"]) for row in rows] == states
    assert (rows[0]["phone_no"], rows[0]["company"], rows[0]["match"]) == ("919200000000", "Acme Corp", "exact")
    assert {row[name] for row in rows[1:] for name in (*Contact._fields, "match")} == {""}
    assert (code, totals) == (1, "1 found, 1 several, 1 partial, 1 not found, 1 unclear, 1 empty.")


def test_the_exit_code_is_0_when_every_row_that_has_a_text_is_found(tmp_path: Path, capsys: Capture) -> None:
    code, rows, totals = looked_up(write(tmp_path, "name\nJohn Doe\n\n Priya Raman \n"), capsys)
    assert [row["phone_no"] for row in rows] == ["919200000000", "", "918004417263"]
    assert (code, totals) == (0, "2 found, 0 several, 0 partial, 0 not found, 0 unclear, 1 empty.")
    assert looked_up(write(tmp_path, "name\n"), capsys)[:2] == (0, [])


@pytest.mark.parametrize("cell", ["+91 92000 00000", "john.doe@example.com", "d3b07384-d113-4ec5-a5ae-be81d6e3c239"])
def test_a_column_of_numbers_addresses_or_ids_is_chosen_by_its_name(cell: str, tmp_path: Path, capsys: Capture) -> None:
    file = write(tmp_path, f"row,contact\n1,{cell}\n")
    code, (row,), _ = looked_up(file, capsys, "--column", "contact")
    assert (code, row["row"], row["first_name"], row["last_name"]) == (0, "1", "John", "Doe")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_every_usual_form_of_csv_is_read(delimiter: str, mark: str, line_end: str) -> None:
    lines = [f'"Name, whole"{delimiter}Ort', f'"Müller; ""Jo"", Nguyệt"{delimiter}', "செந்தில்"]
    table = read_table((mark + line_end.join(lines) + line_end).encode())
    assert table.header == ("Name, whole", "Ort")
    assert table.rows == (('Müller; "Jo", Nguyệt', ""), ("செந்தில்", ""))


def test_a_column_that_the_file_has_already_gets_another_name(tmp_path: Path, capsys: Capture) -> None:
    file = write(tmp_path, "name,status,Company,telecmi_status\nJohn Doe,paid,Own Ltd,old\n")
    code, (row,), _ = looked_up(file, capsys)
    assert code == 0
    assert list(row)[4:8] == ["telecmi_telecmi_status", "matches", "contact_id", "phone_no"]
    assert (row["status"], row["telecmi_status"], row["telecmi_telecmi_status"]) == ("paid", "old", "found")
    assert (row["Company"], row["telecmi_company"]) == ("Own Ltd", "Acme Corp")


def test_no_cell_is_a_formula(tmp_path: Path, capsys: Capture) -> None:
    main(["lookup", "--sandbox", str(write(tmp_path, "=name,note\nJohn Doe,=cmd()\n"))])
    header, row = capsys.readouterr().out.splitlines()
    assert header.startswith('"\'=name","note","status"')
    assert row.startswith('"John Doe","\'=cmd()","found"')
    assert completed_row([], found(Contact("1", first_name="=1+1")))[4] == "=1+1", "escaped with the whole row"


def found(contact: Contact) -> dict[str, Any]:
    return {"query": "x", "status": "found", "contacts": [{**contact._asdict(), "match": "exact"}]}


def test_a_contact_that_is_one_of_several_or_lacks_words_never_fills_a_row() -> None:
    contact = found(Contact("1", phone_no="919200000000"))
    assert completed_row(["x"], contact)[1:5] == ["found", "1", "1", "919200000000"]
    for status in ("several", "partial", "unclear", "not_found"):
        assert completed_row(["x"], {**contact, "status": status})[3:] == [""] * (len(COLUMNS) - 2)


def test_more_rows_than_a_call_takes_stay_in_order(tmp_path: Path, capsys: Capture) -> None:
    texts = [f"zzkqwx{number}" for number in range(150)]
    texts[60] = texts[140] = "John Doe"
    code, rows, totals = looked_up(write(tmp_path, "name\n" + "\n".join(texts)), capsys)
    assert [row["name"] for row in rows] == texts
    assert [index for index, row in enumerate(rows) if row["status"] == "found"] == [60, 140]
    assert (code, totals) == (1, "2 found, 0 several, 0 partial, 148 not found, 0 unclear.")


def test_cells_that_ask_for_a_masked_value_keep_no_other_row_from_its_contact(tmp_path: Path, capsys: Capture) -> None:
    numbers = [f"98765 {number:05}" for number in range(150)]  # more than a call takes
    file = write(tmp_path, "\n".join(["name", "John Doe", *numbers, "Priya Raman"]))
    assert main(["lookup", "--sandbox", str(file), "--mask", "phone_no"]) == 1
    out, said = capsys.readouterr()
    statuses = [row["status"] for row in csv.DictReader(io.StringIO(out, newline=""))]
    assert statuses == ["found", *["unclear"] * 150, "found"]
    assert "150 queries ask for a phone number or an e-mail address, which are masked here" in said


def test_a_file_of_masked_values_alone_gets_a_sentence(tmp_path: Path, capsys: Capture) -> None:
    assert main(["lookup", "--sandbox", str(write(tmp_path, "n\n98765 43210\n")), "--mask", "phone_no"]) == 2
    assert "phone numbers are masked here" in capsys.readouterr().err


def test_the_notice_counts_the_unconfirmed_contacts_of_all_calls() -> None:
    first = LookupResult(as_of=0, indexed=9, count=9, complete=True, queries=(), found=(), unchecked=3)
    assert lookup._notice([first, replace(first, unchecked=4)], 0).startswith("7 of these are as of")


def test_a_cell_that_is_too_long_for_a_query_stays_unclear(tmp_path: Path, capsys: Capture) -> None:
    long = "John Doe " * 30
    code, rows, _ = looked_up(write(tmp_path, f"name\n{long}\nJohn Doe\n"), capsys)
    assert (code, [row["status"] for row in rows]) == (1, ["unclear", "found"])


def test_json_is_the_object_of_the_tool(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(App, "notice", property(lambda _: "The sign-in ends soon."))
    code = main(["lookup", "--sandbox", "--json", str(write(tmp_path, NAMES))])
    queries = ["John Doe", "Priya", "zzkqwx", "Priya Vrandelkis", "how many"]

    async def ask() -> dict[str, Any]:
        async with opened_desk() as desk:
            return await desk.call("lookup_contacts", queries=queries)

    out, said = capsys.readouterr()
    shown, expected = json.loads(out), anyio.run(ask)
    assert {**shown, "notice": without_time(shown)} == {**expected, "notice": without_time(expected)}
    assert list(shown) == list(expected)
    assert shown["notice"].endswith("The sign-in ends soon.")
    assert (code, said.splitlines()[0]) == (1, "5 of 5 queries")


def without_time(answer: dict[str, Any]) -> str:
    return re.sub(r"as of \S+Z", "as of T", answer["notice"])


def test_stdin_is_read(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"name\nJohn Doe\n")))
    assert main(["lookup", "--sandbox", "-"]) == 0
    assert '"919200000000"' in capsys.readouterr().out


def test_the_output_is_a_new_private_file_with_a_mark_for_excel(tmp_path: Path, capsys: Capture) -> None:
    file, target = write(tmp_path, "name\nJohn Doe\n"), tmp_path / "out.csv"
    assert main(["lookup", "--sandbox", str(file), "--output", str(target)]) == 0
    written = target.read_bytes()
    assert written.startswith(b'\xef\xbb\xbf"name","status"')
    assert capsys.readouterr().out == ""
    if sys.platform != "win32":
        assert target.stat().st_mode & 0o777 == 0o600
    assert main(["lookup", "--sandbox", str(file), "--output", str(target)]) == 2
    assert capsys.readouterr().err == "telecmi-mcp: Choose another --output: the file exists already.\n"
    assert target.read_bytes() == written


def test_after_a_failed_lookup_there_is_no_output_file(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELECMI_TOKEN", "hunter2")
    monkeypatch.setenv("TELECMI_BASE_URL", "http://127.0.0.1:9")
    file, target = write(tmp_path, "name\nJohn Doe\n"), tmp_path / "out.csv"
    assert main(["lookup", str(file), "--output", str(target)]) == 3
    assert "TeleCMI could not be reached" in capsys.readouterr().err
    assert not target.exists()


_LIMITED = """
import resource, sys
from telecmi_mcp import App
from telecmi_mcp._cli import main
from telecmi_mcp._cli.contacts import lookup
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_an_output_that_cannot_be_written_whole_is_reported_and_removed(tmp_path: Path) -> None:
    file, target = write(tmp_path, "name\nJohn Doe\n"), tmp_path / "out.csv"
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, "lookup", "--sandbox", str(file), "--output", str(target)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
    )
    sentence = "telecmi-mcp: Choose another place for the file: it cannot be written there."
    assert (done.returncode, done.stderr.splitlines()[-1]) == (3, sentence)
    assert not target.exists()


def test_a_missing_folder_of_the_output_is_reported(tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "nowhere" / "out.csv"
    assert main(["lookup", "--sandbox", str(write(tmp_path, "name\n")), "--output", str(target)]) == 3
    assert "its folder does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words", "sentence"),
    [
        (None, [], "Check the name of FILE: there is no such file."),
        (b"name\nM\xfcller\n", [], "Save FILE as CSV in UTF-8: it is not UTF-8 text."),
        (b"n\0a\0m\0e\0", [], "Save FILE as CSV in UTF-8: it is not UTF-8 text."),
        (b"", [], "Put the names of the columns into its first line: FILE has no header."),
        (b"\nJohn\n", [], "Put the names of the columns into its first line: FILE has no header."),
        (b"name\nJohn\n", ["--column", "city"], "Choose another --column: the header row has no such column."),
        (b"name,name\n", ["--column", "name"], "Choose another --column: several columns have this name."),
        (
            b"name,city\nJohn,Goa\nDoe, John,Goa\n",
            [],
            "Quote the cells that hold the delimiter: row 3 has more cells than the header row.",
        ),
        (b'name\n"John\n', [], "Check the quotation marks and the line breaks: line 2 of FILE is not CSV."),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(
    content: bytes | None, words: list[str], sentence: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "none.csv" if content is None else write(tmp_path, content)
    assert main(["lookup", "--sandbox", str(file), *words]) == 2
    out, said = capsys.readouterr()
    assert (out, said) == ("", f"telecmi-mcp: {sentence}\n")


def test_a_folder_is_refused(tmp_path: Path, capsys: Capture) -> None:
    assert main(["lookup", "--sandbox", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "telecmi-mcp: Check FILE and its permissions: it cannot be read.\n"


CELLS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=2, max_size=2)


@given(rows=st.lists(CELLS, max_size=4), delimiter=st.sampled_from(",;\t"))
def test_every_cell_of_a_valid_file_is_read_as_it_was_written(rows: list[list[str]], delimiter: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["name", "city"], *rows])
    assert [list(row) for row in read_table(text.getvalue().encode()).rows] == rows


@given(st.binary())
def test_any_bytes_are_a_table_or_refused(content: bytes) -> None:
    try:
        table = read_table(content)
    except ConfigurationError as error:
        assert len(str(error)) <= 200
    else:
        assert {len(row) for row in table.rows} <= {len(table.header)}
