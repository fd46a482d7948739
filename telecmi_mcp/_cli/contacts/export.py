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

SUMMARY = "Write all contacts into a file: CSV, JSON lines or vCard."

_LONGEST_PATH = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser)
    add_sandbox_flag(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="The file; its ending says which kind it is.")
    parser.add_argument("--format", help="csv, jsonl or vcf, where the ending does not say it.")
    parser.add_argument("--force", action="store_true", help="Replace the file if it is there already.")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Read until the file is whole; 1 if TeleCMI did not give all contacts."""
    import anyio

    settings = read_settings(args, environ)
    form, path = _form(args.file, args.format), _target(args.file, force=args.force)
    exported = anyio.run(_export, args, settings, form, path)
    print(_told(exported))
    return 0 if exported.is_whole else 1


def _form(file: Path, given: str | None) -> str:
    from telecmi_mcp._export import FILE_FORMATS

    form = given or file.suffix.removeprefix(".").lower()
    if form not in FILE_FORMATS:
        hint = "End the file's name in .csv, .jsonl or .vcf, or give one of them with --format"
        raise ConfigurationError(hint=hint, fact="the kind of file is not known")
    return form


def _target(file: Path, *, force: bool) -> Path:
    """Where the file is to be, behind symbolic links."""
    try:
        path = file.resolve()
        is_there, is_file = path.exists(), path.is_file()
    except (OSError, RuntimeError):  # a name that is too long, links that lead in a circle
        raise ConfigurationError(hint="Choose another name", fact="there can be no file of this name") from None
    if is_there and not is_file:
        raise ConfigurationError(hint="Choose another name", fact="what is there is not a file")
    if is_there and not force:
        raise ConfigurationError(
            hint="Choose another name, or replace it with --force", fact="the file is there already"
        )
    return path


async def _export(args: argparse.Namespace, settings: Settings, form: str, path: Path) -> Exported:
    from telecmi_mcp._export import PartialFile, export, open_format
    from telecmi_mcp._index.account_directory import owner_of

    async with open_configured(args, settings) as app:
        owner = await owner_of(settings.base_url, app.tokens)

        async def is_same_account() -> bool:
            return await owner_of(settings.base_url, app.tokens) == owner

        draft = PartialFile(path, open_format(form), owner)
        incomplete = path.with_name(f"{path.stem}.incomplete{path.suffix}")
        with _shown(draft) as progress:
            return await export(
                app.client, draft, incomplete=incomplete, report=progress.show, is_same_account=is_same_account
            )


@contextmanager
def _shown(draft: PartialFile) -> Iterator[Progress]:
    """Show how far it is; when it ends early, say that nothing is lost."""
    progress = Progress()
    try:
        yield progress
    except BaseException:
        progress.end()
        if draft.contacts:
            print(f"{draft.contacts:,} contacts are kept: the same command goes on from there.", file=sys.stderr)
        raise
    progress.end()


def _told(exported: Exported) -> str:
    """One sentence: what is where, and all that whoever uses it must know."""
    from telecmi_mcp._sanitize import clean

    said = [
        f"{exported.contacts:,} contacts in {clean(str(exported.path), limit=_LONGEST_PATH)}",
        "complete" if exported.is_whole else f"not complete, because {_why(exported)}",
    ]
    if exported.malformed:
        are = "entry that is no contact was" if exported.malformed == 1 else "entries that are no contacts were"
        said.append(f"{exported.malformed:,} {are} left out")
    if exported.resumed:
        said.append(f"{exported.resumed:,} were there from the run before")
    if exported.restarted:
        said.append(f"read from the beginning, because {exported.restarted}")
    return f"{'; '.join(said)}."


def _why(exported: Exported) -> str:
    if exported.is_broken:
        return "TeleCMI's list broke off"
    if exported.surplus:
        return "TeleCMI gave pages that are longer than what was asked for"
    return f"TeleCMI counts {exported.count:,}"
