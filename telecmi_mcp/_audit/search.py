"""Finds in audit files who saw a contact, and says what the files cannot tell."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import UUID

from telecmi_mcp.errors import FileUnusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from io import BufferedReader

    from telecmi_mcp._audit.contact_hashes import ContactHasher

STDIN = "-"

_GZIP = b"\x1f\x8b"  # RFC 1952


class Sighting(NamedTuple):
    """A call whose answer showed the contact, or may have shown it.

    Attributes:
        time: When the call ended.
        caller: Name of the caller.
        tool: Name of the tool, prompt or resource.
        unlisted: 0, or the number of contacts that the answer showed without their ids, of which this may be one.
    """

    time: datetime
    caller: str
    tool: str
    unlisted: int = 0


@dataclass(slots=True)
class Report:
    """What audit files tell of one contact.

    Attributes:
        sightings: The calls, from the earliest.
        lines: Number of lines of the audit, from ``since`` on.
        other_lines: Number of lines of other programs.
        unnamed: Number of answers with contacts that name none, because no key was set.
        other_key: Number of answers that name contacts by a key that is not given.
        dropped: Number of lines that a server could not write.
    """

    sightings: list[Sighting] = field(default_factory=list)
    lines: int = 0
    other_lines: int = 0
    unnamed: int = 0
    other_key: int = 0
    dropped: int = 0


def find_sightings(
    lines: Iterable[bytes], contact_id: str, hashers: Sequence[ContactHasher], *, since: datetime | None = None
) -> Report:
    """Read lines, and return who saw a contact.

    Args:
        lines: Lines of audit files and of other programs.
        contact_id: Id of the contact.
        hashers: One for each key that the audit had.
        since: Earlier lines are left out.
    """
    report = Report()
    spellings = _spellings(contact_id)
    wanted = {hasher.key_name: frozenset(hasher.hashes(spellings)) for hasher in hashers}
    for line in lines:
        facts, at = _parse(line)
        if at is None:
            report.other_lines += bool(line.strip())
        elif since is None or at >= since:
            report.lines += 1
            _note(report, facts, at, wanted)
    report.sightings.sort(key=lambda sighting: sighting.time)
    return report


def read_lines(path: str) -> Iterator[bytes]:
    """Yield the lines of a file, which may be compressed by gzip; of standard input for ``-``.

    Raises:
        FileUnusable: The file cannot be read.
    """
    try:
        with _opened(path) as file:
            yield from _decompressed(file)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileUnusable(None, hint="Get the file anew", fact="a compressed file of the audit is damaged") from None
    except OSError as why:
        fact = "a file of the audit cannot be read"
        raise FileUnusable(why.errno, hint="Check the names of the files", fact=fact) from None


def _note(report: Report, facts: dict[str, Any], at: datetime, wanted: Mapping[str, frozenset[str]]) -> None:
    """Add what one line tells.

    Args:
        report: Gets it.
        facts: The line.
        at: Its time.
        wanted: The hashes of the contact, by the name of the key.
    """
    report.dropped += _number(facts, "dropped")
    unlisted, seen, key = _number(facts, "unlisted"), facts.get("seen"), facts.get("hash_key")
    is_named = False
    if not isinstance(seen, list):
        report.unnamed += _number(facts, "contacts") > 0
    elif not isinstance(key, str) or key not in wanted:
        report.other_key += 1
    else:
        is_named = any(each in wanted[key] for each in seen if isinstance(each, str))
    if is_named or unlisted:
        caller, tool = str(facts.get("caller", "")), str(facts.get("tool", ""))
        report.sightings.append(Sighting(at, caller, tool, 0 if is_named else unlisted))


def _spellings(contact_id: str) -> list[str]:
    """Return the id as it is given and, of a UUID, in small letters and capitals, with and without hyphens."""
    try:
        uuid = UUID(contact_id)
    except ValueError:
        return [contact_id]
    return [contact_id, *(spell(text) for text in (str(uuid), uuid.hex) for spell in (str.lower, str.upper))]


def _parse(line: bytes) -> tuple[dict[str, Any], datetime | None]:
    """Return the object of an audit line and its time; no time for a line of another program.

    What stands before the object is skipped: Docker Compose, journald and Kubernetes write a prefix. Docker's own files
    have the line in an object.
    """
    facts = _object(line[max(line.find(b"{"), 0) :])
    if isinstance(facts.get("log"), str):
        facts = _object(facts["log"])
    is_ours = "dropped" in facts or ("caller" in facts and "replica" in facts)
    return facts, _time(facts.get("time")) if is_ours else None


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _number(facts: dict[str, Any], name: str) -> int:
    number = facts.get(name, 0)
    return number if isinstance(number, int) and number > 0 else 0


@contextmanager
def _opened(path: str) -> Iterator[BufferedReader]:
    if path == STDIN:
        yield cast("BufferedReader", sys.stdin.buffer)
        return
    with open(path, "rb") as file:  # noqa: PTH123 - text, because "-" is no path
        yield file


def _decompressed(file: BufferedReader) -> Iterable[bytes]:
    return gzip.GzipFile(fileobj=file) if file.peek(2).startswith(_GZIP) else file
