"""The tool export_contacts: a private file on the user's disk, only where the user switched it on."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from httpx2 import ASGITransport
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceLink, TextContent
from primitives.test_whole_book_tools import BOOK, person

from conftest import SIGNED_IN, Desk, opened_desk
from paths import SNAPSHOTS
from telecmi_mcp import create_server, open_app
from telecmi_mcp._export import FILE_FORMATS, ExportSlot
from telecmi_mcp._mcp.output import OutputFormat
from telecmi_mcp._mcp.tools.export_contacts import EXPORT_CONTACTS
from telecmi_mcp._mcp.tools.registry import LOCAL_TOOLS, TOOLS
from telecmi_mcp._server.factory import build_server
from telecmi_mcp.sandbox import Quirks, create_sandbox, make_contacts
from vcards import read_cards

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAME = re.compile(r"telecmi-contacts-\d{8}T\d{6}Z-[0-9a-f]{4}\.(csv|jsonl|vcf)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir(mode=0o700)
    return folder


@asynccontextmanager
async def exporting(
    folder: Path | None, *, mode: str = "legacy", quirks: Quirks | None = None, contacts: Any = BOOK, **output: Any
) -> AsyncIterator[Desk]:
    """Open a server with the tool, and a client in front of it."""
    sandbox = create_sandbox(quirks or Quirks(), contacts=contacts)
    settings = dataclasses.replace(SIGNED_IN, export_folder=folder)
    opened = lambda: open_app(settings, transport=ASGITransport(app=sandbox))  # noqa: E731 - as create_server takes it
    async with Client(create_server(opened, exports=True, **output), mode=mode) as client:
        yield Desk(client, sandbox)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


async def test_a_model_sees_exactly_the_snapshot_after_the_other_tools(folder: Path, generation: str) -> None:
    async with exporting(folder, mode=generation) as desk:
        *others, listed = (await desk.client.list_tools()).tools
    assert [tool.name for tool in others] == [tool.name for tool in TOOLS]
    seen = listed.model_dump(by_alias=True, mode="json", exclude_none=True)
    assert seen == json.loads((SNAPSHOTS / "export_contacts.json").read_text())
    assert seen["annotations"] == {
        "readOnlyHint": False,
        "destructiveHint": False,
        "idempotentHint": False,
        "openWorldHint": True,
    }


def test_what_the_tool_says_to_a_model_stays_short() -> None:
    said = [EXPORT_CONTACTS.name, EXPORT_CONTACTS.description, EXPORT_CONTACTS.input_schema]
    assert len(json.dumps(said, separators=(",", ":"))) <= 860  # of which o200k makes 184 tokens
    assert len(EXPORT_CONTACTS.description) <= 300


def test_the_formats_are_those_of_the_command() -> None:
    assert tuple(EXPORT_CONTACTS.input_schema["properties"]["format"]["enum"]) == FILE_FORMATS


async def test_without_the_setting_there_is_no_such_tool_whatever_the_settings_of_the_app(
    folder: Path, generation: str
) -> None:
    settings = dataclasses.replace(SIGNED_IN, export_folder=folder)
    async with opened_desk(mode=generation, settings=settings) as desk:
        assert [tool.name for tool in (await desk.client.list_tools()).tools] == [tool.name for tool in TOOLS]
        with pytest.raises(MCPError, match="Unknown tool"):
            await desk.client.call_tool("export_contacts", {})
    team = build_server(lambda: open_app(settings), OutputFormat())  # as the team server builds its own
    assert team.get_tool_input_schema is not None
    assert team.get_tool_input_schema("export_contacts") is None
    assert {tool.name for tool in LOCAL_TOOLS} - {tool.name for tool in TOOLS} == {"export_contacts"}


async def test_all_contacts_are_written_to_a_new_file(folder: Path, generation: str) -> None:
    async with exporting(folder, mode=generation) as desk:
        result = await desk.client.call_tool("export_contacts", {})
    (path,) = files(folder)
    assert NAME.fullmatch(path.name)
    data = result.structured_content
    assert data is not None
    assert (data["file"], data["contacts"]) == (path.name, 35)
    assert re.fullmatch(r"The file has the contacts as of [0-9T:-]+Z\.", data["notice"])
    text, link = result.content
    assert isinstance(text, TextContent)
    assert json.loads(text.text) == data
    assert isinstance(link, ResourceLink)
    assert (link.uri, link.name, link.mime_type) == (path.as_uri(), path.name, "text/csv")
    assert link.size == path.stat().st_size
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert [row["contact_id"] for row in rows] == [contact["contact_id"] for contact in BOOK]
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o600


async def test_the_file_cannot_be_read_over_mcp(folder: Path, generation: str) -> None:
    async with exporting(folder, mode=generation) as desk:
        await desk.call("export_contacts")
        (path,) = files(folder)
        with pytest.raises(MCPError) as caught:
            await desk.client.read_resource(path.as_uri())
        assert [str(each.uri) for each in (await desk.client.list_resources()).resources] == ["telecmi://status"]
    assert "it must match one of resources/list" in caught.value.error.message


async def test_the_filters_decide_who_is_written(folder: Path) -> None:
    async with exporting(folder) as desk:
        managers = await desk.call("export_contacts", format="jsonl", company="zentrix pvt ltd", job_title="MD")
        nameless = await desk.call("export_contacts", format="vcf", missing="email_id")
    assert managers["contacts"] == 15
    written = [json.loads(line) for line in (folder / managers["file"]).read_bytes().splitlines()]
    assert {each["job_title"] for each in written} == {"Managing Director"}
    assert len(written) == 15
    assert len(read_cards((folder / nameless["file"]).read_bytes())) == nameless["contacts"] == 2


async def test_a_cell_of_a_hostile_contact_is_cleaned_and_is_no_formula(folder: Path) -> None:
    hostile = person(1, first_name='=HYPERLINK("https://evil.example","pay")', last_name="\u202egnp\x1b[31m")
    async with exporting(folder, contacts=[hostile]) as desk:
        answer = await desk.call("export_contacts", format="csv")
    text = (folder / answer["file"]).read_text(encoding="utf-8-sig")
    assert "\"'=HYPERLINK(" in text
    assert "\u202e" not in text
    assert "\x1b" not in text


async def test_filters_that_nobody_passes_write_no_file_and_name_similar_companies(folder: Path) -> None:
    async with exporting(folder) as desk:
        result = await desk.client.call_tool("export_contacts", {"company": "Morvele"})
    assert result.structured_content == {
        "contacts": 0,
        "notice": "No contact passes the filters, so no file was written. "
        'No company has this name. Similar names: "Morvelle".',
    }
    assert len(result.content) == 1
    assert files(folder) == []


async def test_contacts_that_are_not_all_read_are_not_written(folder: Path) -> None:
    async with exporting(folder, quirks=Quirks(repeating_cursor="same"), contacts=make_contacts(300)) as desk:
        said = await desk.refuse("export_contacts")
    assert said == "Try again in a minute: not all contacts are read yet, so no file was written."
    assert files(folder) == []


async def test_without_an_index_the_contacts_that_can_be_read_in_time_are_written(folder: Path) -> None:
    sandbox = create_sandbox(contacts=BOOK)
    settings = dataclasses.replace(SIGNED_IN, export_folder=folder, index="off")
    server = create_server(lambda: open_app(settings, transport=ASGITransport(app=sandbox)), exports=True)
    async with Client(server, mode="legacy") as client:
        answer = await Desk(client, sandbox).call("export_contacts")
    assert answer["contacts"] == 35


async def test_a_folder_that_cannot_be_used_is_an_error_without_its_path(tmp_path: Path) -> None:
    async with exporting(tmp_path / "none") as desk:
        said = await desk.refuse("export_contacts")
        assert not desk.bodies  # TeleCMI was not asked for anything
    assert said.startswith("The user must create the folder in TELECMI_EXPORT_FOLDER with mode 0700")
    assert str(tmp_path) not in said


async def test_a_server_without_a_folder_names_the_setting() -> None:
    async with exporting(None) as desk:
        assert (await desk.refuse("export_contacts")).startswith("The user must set TELECMI_EXPORT_FOLDER")


async def test_one_export_at_a_time_and_ten_a_day_over_restarts(folder: Path) -> None:
    async with exporting(folder) as desk:
        with ExportSlot.take(folder):
            said = await desk.refuse("export_contacts")
        assert said == "Wait for it to end, then try again: another export is running."
        for _ in range(9):
            (folder / (await desk.call("export_contacts", missing="company"))["file"]).unlink()
    async with exporting(folder) as desk:
        assert (await desk.call("export_contacts", missing="company"))["contacts"] == 2
        said = await desk.refuse("export_contacts")
        assert said.endswith("the limit of 10 exported files in 24 hours is reached.")
        assert (await desk.call("count_contacts"))["total"] == 35
    assert len(files(folder)) == 1


@pytest.mark.parametrize("arguments", [{"format": "xlsx"}, {"file": "/etc/passwd"}, {"missing": ["name"]}])
async def test_arguments_that_do_not_fit_are_refused(folder: Path, arguments: dict[str, Any]) -> None:
    async with exporting(folder) as desk:
        said = await desk.refuse("export_contacts", **arguments)
    assert said.startswith(("Invalid format: use csv, jsonl or vcf", "Remove file: export_contacts", "Invalid missing"))
    assert files(folder) == []


async def test_the_answer_as_a_table_and_without_a_structured_half_has_its_link_too(folder: Path) -> None:
    async with exporting(folder, text="table", structured=False) as desk:
        *_, listed = (await desk.client.list_tools()).tools
        result = await desk.client.call_tool("export_contacts", {"format": "vcf"})
    (path,) = files(folder)
    text, link = result.content
    assert isinstance(text, TextContent)
    notice, head, row = text.text.split("\n")
    assert notice.startswith("notice=The file has the contacts as of ")
    assert (head, row) == ("file\tcontacts", f"{path.name}\t35")
    assert isinstance(link, ResourceLink)
    assert link.mime_type == "text/vcard"
    assert (listed.output_schema, result.structured_content) == (None, None)


async def test_an_export_adds_nothing_to_completions_and_search_still_works_after_it(folder: Path) -> None:
    async with exporting(folder) as desk:
        await desk.call("export_contacts")
        found = await desk.call("search_contacts", query="Omkar Dholakia")
    assert found["matches"][0]["first_name"] == "Omkar"
