"""``telecmi-mcp export FILE``: writes all contacts to a file, as CSV, JSON lines or vCards."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import add_sandbox_flag, add_setting_flags, open_configured, read_settings
from telecmi_mcp._cli.progress import Progress
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._export import Exported, PartialFile

SUMMARY = "Write all contacts to a file: CSV, JSON lines or vCard."

_MAX_PATH_CHARS = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser)
    add_sandbox_flag(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="The file to write; its suffix selects the format.")
    parser.add_argument("--format", help="csv, jsonl or vcf; overrides the suffix.")
    parser.add_argument("--force", action="store_true", help="Replace an existing file.")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Write the file; return 1 if TeleCMI did not return all contacts."""
    import anyio

    settings = read_settings(args, environ)
    form, path = _form(args.file, args.format), _target(args.file, force=args.force)
    exported = anyio.run(_export, args, settings, form, path)
    print(_summary(exported))
    return 0 if exported.is_whole else 1


def _form(file: Path, given: str | None) -> str:
    from telecmi_mcp._export import FILE_FORMATS

    form = given or file.suffix.removeprefix(".").lower()
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


async def _export(args: argparse.Namespace, settings: Settings, form: str, path: Path) -> Exported:
    from telecmi_mcp._export import PartialFile, export, open_format
    from telecmi_mcp._index.account_directory import owner_of

    async with open_configured(args, settings) as app:
        owner = await owner_of(settings.base_url, app.tokens)

        async def is_same_account() -> bool:
            return await owner_of(settings.base_url, app.tokens) == owner

        partial_file = PartialFile(path, open_format(form), owner)
        incomplete = path.with_name(f"{path.stem}.incomplete{path.suffix}")
        with _show_progress(partial_file) as progress:
            return await export(
                app.client, partial_file, incomplete=incomplete, report=progress.show, is_same_account=is_same_account
            )


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
    from telecmi_mcp._sanitize import clean

    parts = [
        f"{exported.contacts:,} contacts in {clean(str(exported.path), limit=_MAX_PATH_CHARS)}",
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


def _reason(exported: Exported) -> str:
    if exported.is_broken:
        return "TeleCMI's list ended early"
    if exported.surplus:
        return "TeleCMI returned pages longer than requested"
    return f"TeleCMI counts {exported.count:,}"
