"""What the lines of an audit tell of a contact, and what they cannot tell."""

from __future__ import annotations

import gzip
import io
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from telecmi_mcp._audit.contact_hashes import ContactHasher
from telecmi_mcp._audit.log import Audit, Entry
from telecmi_mcp._audit.search import Report, Sighting, find_sightings, read_lines
from telecmi_mcp.errors import FileUnusable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PRIYA, JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239", "7382ddd4-3139-4d8a-bef0-fab9b593d808"
OLD, NEW = (ContactHasher(bytes([number]) * 32) for number in (1, 2))
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SEEN = [Sighting(NOON, "amal", "get_contact")]


def line(contacts: list[str], hasher: ContactHasher | None = NEW, **facts: Any) -> bytes:
    """Return the first line that the audit writes for a call."""
    audit = Audit("r", hasher=hasher, now=NOON.timestamp)
    entry = Entry("amal", "tools/call", "get_contact", "ok", 0.01, len(contacts), contacts)._replace(**facts)
    return next(audit.lines(entry)).encode() + b"\n"


def test_the_calls_that_showed_the_contact_are_found() -> None:
    lines = [line([PRIYA]), line([JOHN]), line([JOHN, PRIYA], caller="devi"), line([])]
    report = find_sightings(lines, PRIYA, [NEW])
    assert report == Report([*SEEN, Sighting(NOON, "devi", "get_contact")], lines=4)


@pytest.mark.parametrize("spell", [str, str.upper, lambda text: text.replace("-", "")])
def test_every_spelling_of_a_uuid_is_the_same_contact(spell: Callable[[str], str]) -> None:
    for written in (PRIYA, PRIYA.upper(), PRIYA.replace("-", "")):
        assert find_sightings([line([written])], spell(PRIYA), [NEW]).sightings == SEEN
    assert find_sightings([line(["a-b"])], "a-b", [NEW]).sightings == SEEN
    assert find_sightings([line(["a-b"])], "A-B", [NEW]).sightings == []


def test_a_contact_in_a_further_line_of_a_call_is_found() -> None:
    ids = [*(f"contact {number}" for number in range(110)), PRIYA]
    entry = Entry("amal", "tools/call", "get_contact", "ok", 0.01, len(ids), ids)
    lines = [text.encode() for text in Audit("r", hasher=NEW, now=NOON.timestamp).lines(entry)]
    assert len(lines) == 2
    assert find_sightings(lines, PRIYA, [NEW]).sightings == SEEN


def test_old_lines_are_found_with_old_keys() -> None:
    lines = [line([PRIYA], OLD)]
    assert find_sightings(lines, PRIYA, [NEW, OLD]) == Report(SEEN, lines=1)
    assert find_sightings(lines, PRIYA, [NEW]) == Report(lines=1, other_key=1)


def test_answers_that_name_no_contact_are_counted_so_that_nobody_takes_them_for_a_denial() -> None:
    assert find_sightings([line([PRIYA], None), line([], None)], PRIYA, [NEW]) == Report(lines=2, unnamed=1)
    assert find_sightings([b'{"time": "2026-11-23T12:00:00Z", "dropped": 9}'], PRIYA, [NEW]).dropped == 9


def test_an_export_or_a_group_may_have_shown_the_contact() -> None:
    report = find_sightings([line([], tool="export_contacts", unlisted=150)], PRIYA, [NEW])
    assert report.sightings == [Sighting(NOON, "amal", "export_contacts", 150)]
    assert find_sightings([line([PRIYA], unlisted=2)], PRIYA, [NEW]).sightings == SEEN
    assert find_sightings([line([JOHN], unlisted=2)], PRIYA, [NEW]).sightings[0].unlisted == 2


def test_only_calls_since_a_time() -> None:
    lines = [line([PRIYA])]
    assert find_sightings(lines, PRIYA, [NEW], since=NOON).sightings == SEEN
    assert find_sightings(lines, PRIYA, [NEW], since=NOON.replace(second=1)) == Report()


@pytest.mark.parametrize(
    "prefix", [b"replica-1  | ", b"Nov 23 12:00:00 host telecmi-mcp[7]: ", b"2026-11-23T12:00Z stdout F "]
)
def test_what_collectors_write_before_a_line_is_skipped(prefix: bytes) -> None:
    assert find_sightings([prefix + line([PRIYA])], PRIYA, [NEW]) == Report(SEEN, lines=1)


def test_the_files_of_docker_are_read() -> None:
    wrapped = json.dumps({"log": line([PRIYA]).decode(), "stream": "stdout", "time": "2026-11-23T12:00:01Z"}).encode()
    assert find_sightings([wrapped], PRIYA, [NEW]) == Report(SEEN, lines=1)


@pytest.mark.parametrize(
    "other",
    [
        b"GET / 200",
        b"{",
        b"[1]",
        b'{"time": "2026-11-23T12:00:00Z"}',
        b'{"caller": "amal", "replica": "r", "time": "noon"}',
        b'{"caller": "amal", "replica": "r", "time": null}',
        b'{"log": {"caller": "amal"}}',
        b"\xff\xfe{}",
        b"[" * 100_000,
        line([PRIYA])[:-20],
    ],
)
def test_lines_of_other_programs_are_counted(other: bytes) -> None:
    assert find_sightings([other, b"\n"], PRIYA, [NEW]) == Report(other_lines=1)


@pytest.mark.parametrize(
    "facts",
    [{"seen": 7}, {"seen": [7, [], None]}, {"hash_key": []}, {"contacts": "9"}, {"unlisted": -1}, {"caller": None}],
)
def test_a_line_with_other_values_is_read_as_far_as_it_goes(facts: dict[str, Any]) -> None:
    report = find_sightings([json.dumps({**json.loads(line([JOHN])), **facts}).encode()], PRIYA, [NEW])
    assert report.lines == 1
    assert report.sightings == []


def test_files_are_read_as_they_are_or_compressed_and_standard_input_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, packed = tmp_path / "audit.log", tmp_path / "audit.log.2"
    plain.write_bytes(b"a\nb\n")
    packed.write_bytes(gzip.compress(b"c\n") + gzip.compress(b"d\n"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(packed.read_bytes()))))
    assert [*read_lines(str(plain))] == [b"a\n", b"b\n"]
    assert [*read_lines(str(packed))] == [b"c\n", b"d\n"]
    assert [*read_lines("-")] == [b"c\n", b"d\n"]


def test_a_missing_file_and_a_damaged_one_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "audit.log.gz"
    with pytest.raises(FileUnusable, match="cannot be read"):
        [*read_lines(str(path))]
    packed = gzip.compress(bytes(9999))
    for damaged in (packed[:-9], packed[:12] + b"\xff" * 20, packed[:-8] + bytes(8)):
        path.write_bytes(damaged)
        with pytest.raises(FileUnusable, match="damaged"):
            [*read_lines(str(path))]
