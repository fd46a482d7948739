"""The tool ``export_contacts``: writes contacts to a new file in the folder that the user chose for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from anyio.to_thread import run_sync
from pydantic import Field

from telecmi_mcp._index.result import utc_time
from telecmi_mcp._mcp.tools.filters import EXPECTED_FILTERS, Company, JobTitle, Missing, filters_of
from telecmi_mcp._mcp.tools.schemas import closed_object
from telecmi_mcp._mcp.tools.tool import Answer, Arguments, FileLink, Tool
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._app import App
    from telecmi_mcp._export import FileFormat, WrittenFile
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._index.result import CountResult

_NOTHING = "No contact passes the filters, so no file was written."


class ExportContactsArguments(Arguments):
    """Arguments of export_contacts."""

    expected: ClassVar[Mapping[str, str]] = {"format": "csv, jsonl or vcf", **EXPECTED_FILTERS}

    format: Annotated[
        Literal["csv", "jsonl", "vcf"],
        Field(description="csv for spreadsheets, jsonl for programs, vcf for address books."),
    ] = "csv"
    company: Company = ""
    job_title: JobTitle = ""
    missing: Missing = ()


async def _export_contacts(app: App, arguments: ExportContactsArguments, report: Report) -> Answer:
    from telecmi_mcp._export import ExportSlot, open_format  # with the first export, not with the server

    folder = app.settings.export_folder
    if folder is None:
        raise ConfigurationError(hint="The user must set TELECMI_EXPORT_FOLDER", fact="it names the folder of exports")
    file_format = open_format(arguments.format)
    with await run_sync(partial(ExportSlot.take, folder, clock=app.clock)) as slot:
        result = await app.directory.export_rows(filters_of(arguments), partial(slot.write, file_format), report=report)
        return _answer(result, slot.written, file_format)


def _answer(result: CountResult, written: WrittenFile | None, file_format: FileFormat) -> Answer:
    if written is None:
        return Answer({"contacts": 0, "notice": f"{_NOTHING} {result.notice}".strip()})
    as_of = f"The file has the contacts as of {utc_time(result.as_of)}."
    data = {"file": written.path.name, "contacts": written.contacts, "notice": f"{as_of} {result.notice}".strip()}
    link = FileLink(written.path.as_uri(), written.path.name, file_format.mime_type, written.size)
    return Answer(data, file=link, unlisted=written.contacts)


EXPORT_CONTACTS = Tool(
    name="export_contacts",
    title="Export TeleCMI contacts to a file",
    description=(
        "Write all contacts, or those that pass the filters, to a new file on the user's computer. "
        "Only when the user asks for a file. Returns the file's name, not its contents."
    ),
    summary="Write contacts to a new file in the folder that you chose.",
    arguments=ExportContactsArguments,
    output_schema=closed_object(
        {
            "file": {"type": "string", "description": "Name of the new file."},
            "contacts": {"type": "integer", "description": "Contacts in the file."},
            "notice": {"type": "string"},
        },
        "contacts",
    ),
    rows="",
    run=_export_contacts,
    is_read_only=False,
)
