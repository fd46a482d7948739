"""``telecmi-mcp lookup FILE``: completes a CSV file of names, numbers or addresses with the contacts."""

from __future__ import annotations

import errno
import os
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from telecmi_mcp._cli.contacts.lookup_table import completed_row, read_table
from telecmi_mcp._cli.contacts.table import print_notes
from telecmi_mcp._cli.contacts.tool_call import add_common_flags, ask_when_read, format_json
from telecmi_mcp._cli.options import INDEX_SETTINGS, open_configured, read_settings
from telecmi_mcp._cli.progress import Progress
from telecmi_mcp.errors import ConfigurationError, FileUnusable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from io import FileIO

    from telecmi_mcp._app import App
    from telecmi_mcp._cli.contacts.lookup_table import Table
    from telecmi_mcp._cli.contacts.tool_call import Data
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._index.result import LookupResult

SUMMARY = "Look up every row of a CSV file, and add the contacts that were found."

_STDIN = "-"
_STATUSES = ("found", "several", "partial", "not_found", "unclear")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_common_flags(parser, INDEX_SETTINGS)
    parser.add_argument(
        "file", metavar="FILE", help="CSV in UTF-8 with a header row and commas, semicolons or tabs; - reads stdin."
    )
    parser.add_argument(
        "--column", metavar="NAME", help="Column with the names, numbers or e-mail addresses; default the first one."
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="A new file to write; default stdout.")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Write the completed file; return 1 if a row was not found, or fits several contacts."""
    import anyio

    settings = read_settings(args, environ)
    table = read_table(_read(args.file))
    column = table.column(args.column)
    queries = [row[column].strip() for row in table.rows]
    with _open_output(args.output) as write:
        data = anyio.run(_look_up, args, settings, [query for query in queries if query])
        write(_render_json(data) if args.json else _render_csv(table, queries, data, is_file=args.output is not None))
    statuses = Counter(result["status"] for result in data["results"])
    print_notes(None if args.json else data.get("notice"), _totals(statuses, empty=queries.count("")))
    return 0 if statuses.total() == statuses["found"] else 1


async def _look_up(args: argparse.Namespace, settings: Settings, queries: Sequence[str]) -> Data:
    """Return one answer for all queries, which need several calls, in the form of lookup_contacts.

    A cell that is longer than a query, or asks for a masked value, is not looked up: its status is ``unclear``.

    Raises:
        MaskedField: Every cell asks for a masked value.
    """
    from telecmi_mcp._mcp.tools.search_contacts import MAX_QUERY_CHARACTERS

    distinct = list(dict.fromkeys(query for query in queries if len(query) <= MAX_QUERY_CHARACTERS))
    async with open_configured(args, settings) as app:
        visible = [query for query in distinct if not app.client.mask.hides(query)]
        if distinct and not visible:
            app.client.mask.require_visible_in(distinct[0])
        answer = await _look_up_distinct(app, visible, masked=len(distinct) - len(visible))
    by_query = {result["query"]: result for result in answer["results"]}
    unclear = {"status": "unclear", "contacts": []}
    return {**answer, "results": [by_query.get(query) or {"query": query, **unclear} for query in queries]}


async def _look_up_distinct(app: App, queries: Sequence[str], *, masked: int) -> Data:
    from telecmi_mcp._mcp.tools.lookup_contacts import MAX_QUERIES, result_data

    results: list[Data] = []
    answers: list[LookupResult] = []
    with _shown_progress() as progress:
        for start in range(0, len(queries), MAX_QUERIES):
            ask = partial(_ask, app, queries[start : start + MAX_QUERIES])
            answers.append(await ask_when_read(app, ask, is_final=lambda answer: answer.is_confirmed))
            results += result_data(answers[-1])["results"]
            await progress.show(len(results), len(queries))
    notice = f"{_notice(answers, masked)} {app.notice}".strip()
    complete = all(answer.is_confirmed for answer in answers)
    return {"results": results, "complete": complete, **({"notice": notice} if notice else {})}


async def _ask(app: App, queries: Sequence[str], report: Report) -> LookupResult:
    return await app.directory.lookup(queries, report=report)


def _notice(answers: Sequence[LookupResult], masked: int) -> str:
    """Return the notice of the last answer, with the number of unconfirmed contacts and of masked queries of all."""
    unchecked = sum(answer.unchecked for answer in answers)
    return replace(answers[-1], unchecked=unchecked, masked=masked).notice if answers else ""


@contextmanager
def _shown_progress() -> Iterator[Progress]:
    progress = Progress("queries")
    try:
        yield progress
    finally:
        progress.end()


def _read(file: str) -> bytes:
    if file == _STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(hint="Check the name of FILE", fact="there is no such file") from None
    except (OSError, ValueError):  # a folder, no permission, a name that the system does not accept
        raise ConfigurationError(hint="Check FILE and its permissions", fact="it cannot be read") from None


@contextmanager
def _open_output(path: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Open stdout, or a new file, which is removed again if the lookup fails.

    Raises:
        ConfigurationError: The file exists already.
        FileUnusable: The file cannot be written.
    """
    from telecmi_mcp._private_files import open_private

    if path is None:
        yield sys.stdout.buffer.write
        return
    with _map_os_errors():
        descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor, created with its mode
            yield partial(_write_whole, file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write_whole(file: FileIO, content: bytes) -> None:
    left = memoryview(content)
    with _map_os_errors():
        while left:
            left = left[file.write(left) :]


@contextmanager
def _map_os_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise ConfigurationError(hint="Choose another --output", fact="the file exists already") from None
        raise FileUnusable(error.errno) from None


def _render_json(data: Data) -> bytes:
    return f"{format_json(data, encoding='utf-8')}\n".encode()


def _render_csv(table: Table, queries: Sequence[str], data: Data, *, is_file: bool) -> bytes:
    """Return the completed file; a file for a spreadsheet starts with a byte order mark, a pipe does not."""
    from telecmi_mcp._export.csv import BYTE_ORDER_MARK, escape_formula, render_row

    results = iter(data["results"])
    rows = [table.completed_header()]
    rows += (
        completed_row(row, next(results) if query else None) for row, query in zip(table.rows, queries, strict=True)
    )
    return (BYTE_ORDER_MARK if is_file else b"") + b"".join(render_row(map(escape_formula, row)) for row in rows)


def _totals(statuses: Counter[str], *, empty: int) -> str:
    parts = [f"{statuses[status]:,} {status.replace('_', ' ')}" for status in _STATUSES]
    return f"{', '.join(parts)}{f', {empty:,} empty' if empty else ''}."
