"""The schemas against the subsets of JSON Schema that clients document: what each accepts, ignores and refuses."""

from __future__ import annotations

import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest

from conftest import opened_desk
from paths import ROOT
from schema_readers import (
    CLAUDE,
    COPILOT,
    CURSOR,
    GEMINI,
    GEMINI_JSON,
    MOST_TOOLS,
    OPENAI_STRICT,
    READERS,
    Reader,
    Schema,
    nodes,
    read,
)
from telecmi_mcp._mcp.tools.registry import LOCAL_TOOLS

PAGE = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf8")
DIALECTS = {"JSON Schema 2020-12": jsonschema.Draft202012Validator, "draft-07": jsonschema.Draft7Validator}
NAMES = [tool.name for tool in LOCAL_TOOLS]
DEFAULT = [reader for reader in READERS if not reader.is_strict]
# What a tool is called together with: the server's name in the README's configurations, and its own.
SERVER_NAMES = ["telecmi", "telecmi-mcp", "io.github.telecmi-mcp/telecmi-mcp"]


def parts(reader: Reader, verdict: str) -> list[str]:
    """All parts of our schemas that get a verdict; who is strict reads inputs only."""
    schemas = [tool.input_schema for tool in LOCAL_TOOLS]
    if not reader.is_strict:
        schemas += [tool.output_schema for tool in LOCAL_TOOLS]
    return sorted({each.part for schema in schemas for each in read(reader, schema) if each.verdict == verdict})


@pytest.mark.parametrize("reader", DEFAULT, ids=lambda reader: reader.name)
def test_no_client_refuses_a_part_of_the_schemas_that_it_gets_by_default(reader: Reader) -> None:
    assert parts(reader, "refuses") == []


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
@pytest.mark.parametrize("tool", LOCAL_TOOLS, ids=NAMES)
def test_each_part_of_each_node_has_one_verdict(reader: Reader, tool: Any) -> None:
    for schema in (tool.input_schema, tool.output_schema):
        found = {(each.path, each.part.partition(":")[0]) for each in read(reader, schema)}
        assert {(path, keyword) for path, node in nodes(schema) for keyword in node} <= found
        assert not reader.takes & reader.ignores


def test_the_page_says_what_each_reader_ignores_and_refuses() -> None:
    def code(found: list[str]) -> str:
        return ", ".join(f"`{part}`" if re.fullmatch(r"\w+", part) else part for part in found) or "nothing"

    section = PAGE.split("## Schemas\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    expected = [[reader.name, code(parts(reader, "refuses")), code(parts(reader, "ignores"))] for reader in READERS]
    assert rows[2:] == expected


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_the_names_fit(reader: Reader) -> None:
    for name in NAMES:
        assert re.fullmatch(reader.tool_name, name)
        assert reader.joined_name is None or max(map(len, SERVER_NAMES)) + len(name) <= reader.joined_name
    assert len(NAMES) <= MOST_TOOLS


@pytest.mark.parametrize("tool", LOCAL_TOOLS, ids=NAMES)
def test_the_schemas_are_valid_in_both_drafts_that_clients_use(tool: Any) -> None:
    for schema in (tool.input_schema, tool.output_schema):
        for validator in DIALECTS.values():
            validator.check_schema(schema)


def test_the_page_names_the_dialects_of_the_schemas() -> None:
    (sentence,) = re.findall(r"All schemas of the server are valid in (.+?)\. ", " ".join(PAGE.split()))
    assert sentence == " and in ".join(DIALECTS)


@pytest.mark.parametrize(("text", "fields", "number"), [("", [], 5), (None, None, None)], ids=["empty values", "null"])
async def test_a_client_that_must_fill_in_every_parameter_can(
    text: str | None, fields: list[str] | None, number: int | None
) -> None:
    # A strict OpenAI function has no optional ones: the converters make all of them required.
    filters = {"company": text, "job_title": text, "missing": fields}
    async with opened_desk() as desk:
        assert (await desk.call("list_contacts", limit=number, page_state=text))["contacts"]
        found = await desk.call("search_contacts", query="John", limit=number, page_state=text, **filters)
        assert found == await desk.call("search_contacts", query="John", limit=number or 10)
        groups = {"group_by": "company", "min_count": 1, "max_groups": number}
        assert (await desk.call("count_contacts", **groups, **filters))["total"] == 150


def of(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


BROKEN: list[tuple[Reader, Schema, str]] = [
    (GEMINI, of(contact_id={"type": "string", "format": "uuid"}), "format: uuid"),
    (GEMINI, of(limit={"type": ["integer", "null"]}), "no single type"),
    (GEMINI, of(limit={"type": "integer", "enum": [1, 2]}), "enum of other than strings"),
    (GEMINI_JSON, {**of(), "$schema": "https://json-schema.org/draft/2020-12/schema"}, "$schema"),
    (CLAUDE, of(contact={"$ref": "#/$defs/Contact"}), "$ref"),
    (CLAUDE, {**of(), "anyOf": [{"required": ["a"]}]}, "anyOf"),
    (CLAUDE, of(**{"first name": {"type": "string"}}), "name of a property"),
    (COPILOT, of(ids={"type": "array"}), "array without items"),
    (COPILOT, {**of(), "required": ["nothing"]}, "required, but no property"),
    (OPENAI_STRICT, {**of(limit={"type": "integer"}), "required": []}, "optional parameter"),
    (OPENAI_STRICT, of(inner={"type": "object", "properties": {}}), "open object"),
    (
        OPENAI_STRICT,
        of(name={"type": "string", "enum": [str(number) for number in range(1001)]}),
        "too many enum values",
    ),
    (OPENAI_STRICT, of(**{f"p{number}": {"type": "string"} for number in range(5001)}), "too many properties"),
]


@pytest.mark.parametrize(("reader", "schema", "part"), BROKEN, ids=[part for *_, part in BROKEN])
def test_a_rule_is_noticed_when_it_is_broken(reader: Reader, schema: Schema, part: str) -> None:
    assert [each.part for each in read(reader, schema) if each.verdict == "refuses"].count(part) >= 1


def test_a_schema_that_is_too_deep_is_noticed() -> None:
    schema: Schema = {"type": "string"}
    for _ in range(11):
        schema = of(inner=schema)
    assert "too deep" in {each.part for each in read(OPENAI_STRICT, schema)}
    assert "too deep" not in {each.part for each in read(OPENAI_STRICT, schema["properties"]["inner"])}


def test_a_name_that_is_too_long_for_cursor_is_noticed() -> None:
    reported = ["aashari/mcp-server-atlassian-confluence", "confluence_list_spaces"]  # it said: 60 characters
    assert CURSOR.joined_name is not None
    assert sum(map(len, reported)) > CURSOR.joined_name
