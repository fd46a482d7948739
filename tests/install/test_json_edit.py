"""Tests that an edit of JSON changes one entry and no other byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._install import json_edit
from telecmi_mcp.errors import ClientConfigError

ENTRY = {"command": "/opt/bin/telecmi-mcp", "args": ["serve"]}


def put(text: str) -> str:
    return json_edit.put(text, "mcpServers", "telecmi", ENTRY)


def cut(text: str) -> str:
    return json_edit.cut(text, "mcpServers", "telecmi")


ODD = """{
\t"b": 1.50,
\t"a": 1e5, "c": "\\u00e9 \\/ é",
\t"mcpServers": {
\t\t"other": {"command": "x", "args": ["a","b"]}
\t},
\t"last": [ ]
}"""


def test_only_the_characters_of_the_entry_are_added() -> None:
    added = """,
\t\t"telecmi": {
\t\t\t"command": "/opt/bin/telecmi-mcp",
\t\t\t"args": [
\t\t\t\t"serve"
\t\t\t]
\t\t}"""
    before, after = ODD.split('["a","b"]}')
    assert put(ODD) == before + '["a","b"]}' + added + after
    assert cut(put(ODD)) == ODD


@pytest.mark.parametrize(
    "text",
    [
        '{"mcpServers":{"other":{"command":"x"}},"z":1}',
        '{"mcpServers": {"other": {"command": "x"}}, "z": 1}',
        '{\r\n    "mcpServers": {\r\n        "other": {}\r\n    }\r\n}\r\n',
        '{\n  "mcpServers": {"other": {}}\n}\n',
        '{"mcpServers":{},"z":1}',
        '{\n  "mcpServers": {}\n}',
        '\n{\n\n  "mcpServers": { "other": 1 }\n}  \n',
        '{"mcpServers" : {"a" : 1}}',
    ],
)
def test_removal_restores_every_byte(text: str) -> None:
    assert json.loads(put(text))["mcpServers"]["telecmi"] == ENTRY
    assert cut(put(text)) == text


def test_line_ends_and_indentation_follow_the_file() -> None:
    made = put('{\r\n   "a": 1\r\n}')
    assert made.count("\n") == made.count("\r\n") > 5
    assert '\r\n   "mcpServers": {\r\n      "telecmi": {\r\n         "command"' in made


def test_a_file_on_one_line_stays_on_one_line() -> None:
    assert put('{"a":1}') == ('{"a":1,"mcpServers":{"telecmi":{"command":"/opt/bin/telecmi-mcp","args":["serve"]}}}')
    assert put('{"a": 1}') == (
        '{"a": 1, "mcpServers": {"telecmi": {"command": "/opt/bin/telecmi-mcp", "args": ["serve"]}}}'
    )


def test_an_entry_is_replaced_at_its_position() -> None:
    text = '{\n  "mcpServers": {\n    "telecmi": {"command": "old"},\n    "other": 1\n  }\n}'
    assert list(json.loads(put(text))["mcpServers"]) == ["telecmi", "other"]
    assert put(text).endswith(',\n    "other": 1\n  }\n}')


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_entry_is_removed_at_any_position(place: int) -> None:
    servers = [("a", 1), ("b", 2)]
    servers.insert(place, ("telecmi", 3))
    for indent in (None, 2):
        text = json.dumps({"mcpServers": dict(servers)}, indent=indent)
        assert cut(text) == json.dumps({"mcpServers": {"a": 1, "b": 2}}, indent=indent)


@pytest.mark.parametrize("text", ["", " \n", "{}", "{ }\n"])
def test_an_empty_text_gets_a_whole_object(text: str) -> None:
    assert json.loads(put(text)) == {"mcpServers": {"telecmi": ENTRY}}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1', "not valid JSON"),
        ('{"a": NaN}', "not valid JSON"),
        ('{"a": 1,}', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('// mine\n{"a": 1}', "comments"),
        ('{"a": 1 /* mine */}', "comments"),
        ('["a"]', "JSON object"),
        ('{"mcpServers": []}', "not an object"),
        ('{"mcpServers": null}', "not an object"),
        ('{"mcpServers": {"a": 1}, "mcpServers": {"b": 1}}', "twice"),
        ('{"mcpServers": {"a": 1, "a": 2}}', "twice"),
    ],
)
def test_what_cannot_be_changed_safely_is_refused(text: str, why: str) -> None:
    with pytest.raises(ClientConfigError, match=why):
        put(text)


def test_slashes_in_a_string_are_not_a_comment() -> None:
    assert json.loads(put('{"url": "https://x/*y*/ \\" // z"}'))["url"] == 'https://x/*y*/ " // z'


def test_a_file_with_comments_can_be_read() -> None:
    text = (
        '// Zed\n{\n  "a": "// no, /* no", /* "b": 1, */\n  "mcpServers": {"telecmi": {"command": "x",},}, // yes\n}\n'
    )
    assert json_edit.read(text) == {"a": "// no, /* no", "mcpServers": {"telecmi": {"command": "x"}}}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3),
    max_leaves=8,
)
SERVERS = st.dictionaries(st.text(max_size=8).filter(lambda name: name != "telecmi"), VALUES, max_size=3)
CONFIGURATIONS = st.tuples(st.dictionaries(st.text(max_size=8), VALUES, max_size=3), st.none() | SERVERS).map(
    lambda parts: parts[0] if parts[1] is None else {**parts[0], "mcpServers": parts[1]}
)
LAYOUTS = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 1, 2, 4, "\t"]),
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([None, (",", ":"), (", ", ": "), (" ,", " : ")]),
    }
)


@given(CONFIGURATIONS, LAYOUTS, st.booleans())
def test_adding_and_removing_restores_the_text(value: dict[str, Any], layout: Any, windows: bool) -> None:  # noqa: FBT001 - a property's argument
    text = json.dumps(value, **layout)
    text = text.replace("\n", "\r\n") if windows else text
    made = put(text)
    there = value.get("mcpServers", {})
    assert json.loads(made) == {**value, "mcpServers": {**there, "telecmi": ENTRY}}
    assert put(made) == made
    if "mcpServers" not in value:
        assert json_edit.cut(made, "mcpServers") == text or not value
    elif there:
        assert cut(made) == text
    assert json.loads(cut(made)) == {**value, "mcpServers": there}
