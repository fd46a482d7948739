"""``telecmi-mcp export FILE``: writes all contacts to a file, as CSV, JSON lines or vCards."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import (
    READING_SETTINGS,
    add_sandbox_flag,
    add_setting_flags,
    open_configured,
    read_settings,
)
from telecmi_mcp._cli.progress import Progress, no_report
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from telecmi_mcp._app import App
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._export import Exported, FileFormat, PartialFile

SUMMARY = "Write all contacts to a file: CSV, JSON lines or vCard."

_MAX_PATH_CHARS = 500
_STDOUT = Path("-")
_FORMATS = ("csv", "jsonl", "vcf")  # FILE_FORMATS, whose module is imported with the first export
_VCARD_VERSIONS = ("3.0", "4.0")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser, READING_SETTINGS)
    add_sandbox_flag(parser)
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="The file to write; its suffix selects the format. - writes to stdout."
    )
    parser.add_argument("--format", choices=_FORMATS, help="Overrides the suffix. For stdout the default is csv.")
    parser.add_argument(
        "--vcard-version",
        choices=_VCARD_VERSIONS,
        help="Version of vCards: 4.0 (the default), or 3.0 for address books that do not read it.",
    )
    parser.add_argument("--force", action="store_true", help="Replace an existing file.")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Write the file; return 1 if TeleCMI did not return all contacts."""
    import anyio

    settings = read_settings(args, environ)
    form = _open_format(_form(args.file, args.format), args.vcard_version)
    if args.file == _STDOUT:
        exported = anyio.run(_export_to_stdout, args, settings, form)
        print(_summary(exported), file=sys.stderr)
    else:
        exported = anyio.run(_export, args, settings, form, _target(args.file, force=args.force))
        print(_summary(exported))
    return 0 if exported.is_whole else 1


def _open_format(form: str, vcard_version: str | None) -> FileFormat:
    from telecmi_mcp._export import open_format, open_vcard_3

    if vcard_version and form != "vcf":
        raise ConfigurationError(hint="Use --vcard-version with vcf", fact="only vCards have this version")
    return open_vcard_3() if vcard_version == "3.0" else open_format(form)


def _form(file: Path, given: str | None) -> str:
    from telecmi_mcp._export import FILE_FORMATS

    form = given or ("csv" if file == _STDOUT else file.suffix.removeprefix(".").lower())
    if form not in FILE_FORMATS:
        hint = "Use a file name that ends in .csv, .jsonl or .vcf, or pass --format"
        raise ConfigurationError(hint=hint, fact="the format of the file is unknown")
    return form


def _target(file: Path, *, force: bool) -> Path:
    """Return the path of the file, with symbolic links resolved."""
    try:
        path = file.resolve()
        is_there, is_file = path.exists(), path.is_file()
    except (OSError, RuntimeError):  # the name is too long, or the links form a circle
        raise ConfigurationError(hint="Choose another name", fact="the system does not accept this one") from None
    if is_there and not is_file:
        raise ConfigurationError(hint="Choose another name", fact="this is not a regular file")
    if is_there and not force:
        raise ConfigurationError(hint="Choose another name, or pass --force", fact="the file exists already")
    return path


async def _export(args: argparse.Namespace, settings: Settings, form: FileFormat, path: Path) -> Exported:
    from telecmi_mcp._export import PartialFile, export

    async with open_configured(args, settings) as app:
        owner, is_same_account = await _account(app)
        partial_file = PartialFile(path, form, owner)
        incomplete = path.with_name(f"{path.stem}.incomplete{path.suffix}")
        with _show_progress(partial_file) as progress:
            return await export(
                app.client, partial_file, incomplete=incomplete, report=progress.show, is_same_account=is_same_account
            )


async def _export_to_stdout(args: argparse.Namespace, settings: Settings, form: FileFormat) -> Exported:
    from telecmi_mcp._export import export_stream

    def write(content: bytes) -> None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()  # a reader such as head gets each page, and ends the command when it ends

    progress = Progress(is_transient=True)
    report = no_report if sys.stdout.isatty() else progress.show  # a bar would stand among the contacts
    async with open_configured(args, settings) as app:
        _, is_same_account = await _account(app)
        try:
            return await export_stream(app.client, form, write, report=report, is_same_account=is_same_account)
        finally:
            progress.end()


async def _account(app: App) -> tuple[str, Callable[[], Awaitable[bool]]]:
    """Return the key of the account, and a function that returns True while the same account is signed in."""
    from telecmi_mcp._index.account_directory import owner_of

    owner = await owner_of(app.settings.base_url, app.tokens)

    async def is_same_account() -> bool:
        return await owner_of(app.settings.base_url, app.tokens) == owner

    return owner, is_same_account


@contextmanager
def _show_progress(partial_file: PartialFile) -> Iterator[Progress]:
    """Show the progress; after an early end, print that the contacts so far are kept."""
    progress = Progress()
    try:
        yield progress
    except BaseException:
        progress.end()
        if partial_file.contacts:
            print(f"{partial_file.contacts:,} contacts are saved; the same command continues.", file=sys.stderr)
        raise
    progress.end()


def _summary(exported: Exported) -> str:
    """Return one sentence: how many contacts are in which file, and what is missing from it."""
    parts = [
        f"{exported.contacts:,} contacts {_place(exported.path)}",
        "complete" if exported.is_whole else f"not complete, because {_reason(exported)}",
    ]
    if exported.malformed:
        are = "malformed entry was" if exported.malformed == 1 else "malformed entries were"
        parts.append(f"{exported.malformed:,} {are} left out")
    if exported.resumed:
        parts.append(f"{exported.resumed:,} came from the previous run")
    if exported.restarted:
        parts.append(f"read from the beginning, because {exported.restarted}")
    return f"{'; '.join(parts)}."


def _place(path: Path) -> str:
    from telecmi_mcp._sanitize import clean

    return "on standard output" if path == _STDOUT else f"in {clean(str(path), limit=_MAX_PATH_CHARS)}"


def _reason(exported: Exported) -> str:
    if exported.is_broken:
        return "TeleCMI's list ended early"
    if exported.surplus:
        return "TeleCMI returned pages longer than requested"
    return f"TeleCMI counts {exported.count:,}"
