"""Tests that an edit of JSON changes one entry and no other byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._install.formats import json_edit
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


PASTE_INTO = ["{}", "{ }", '{"a": 1}', '{"mcpServers": {}}', '{"mcpServers": {"a": 1}, "z": 2}', "{\n// b\n}"]


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
        ('{"a": 1', "not valid JSON at line 1, column 8"),
        ('{\r\n  "a": 1\r\n  "b": 2\r\n}', "not valid JSON at line 3, column 3"),
        ('// mine\n/* yours\n*/ {"a": 1 "b"}', "not valid JSON at line 3, column 12"),
        ('{"a": 1 /* mine }', "not valid JSON at line 1, column 9"),
        ('{"a": [,]}', "not valid JSON at line 1, column 8"),
        ('{"a": 1,,}', "not valid JSON at line 1, column 9"),
        ('{"a": "C:\\Users"}', "not valid JSON at line 1, column 10"),
        ('{"a": NaN}', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"mcpServers": {"telecmi": {"command": "x" /* mine */}}}', "the entry has comments"),
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


def test_a_comment_in_the_entry_keeps_it_from_being_removed() -> None:
    with pytest.raises(ClientConfigError, match="the entry has comments"):
        cut('{"mcpServers": {"telecmi": {"command": "x", // mine\n}}}')


COMMENTED = """// Zed
{
  "a": 1, // one
  /* two */
  "mcpServers": { // three
    // four
    "other": { "command": "x" }, // five
    /* six */
  }, // seven
}
"""


def test_comments_and_trailing_commas_stay_where_they_are() -> None:
    added = """
    "telecmi": {
      "command": "/opt/bin/telecmi-mcp",
      "args": [
        "serve"
      ]
    },"""
    before, after = COMMENTED.split(" // five")
    assert put(COMMENTED) == f"{before} // five{added}{after}"
    assert cut(put(COMMENTED)) == COMMENTED


@pytest.mark.parametrize(
    "text",
    [
        '{"mcpServers": {"a": 1 /* b */}}',
        '{"mcpServers": {/* b */}}',
        '{"mcpServers": { /* b */ }, /* c */ "z": 1}',
        '{\n  "mcpServers": {\n    // b\n  }\n}\n',
        '{\n  "mcpServers": {\n    "a": 1 // b\n  }\n}\n',
        '{\r\n  "mcpServers": {\r\n    "a": 1 // b\r\n  }\r\n}\r\n',
        '{\n  "mcpServers": {\n    "a": 1 /* b\n c */\n    // d\n  }\n}\n',
        '{\n  "mcpServers": {\n    "a": 1,\n    "b": 2,\n  },\n}\n',
    ],
)
def test_removal_restores_a_text_with_comments(text: str) -> None:
    assert json_edit.read(put(text))["mcpServers"]["telecmi"] == ENTRY
    assert cut(put(text)) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"mcpServers": {"telecmi": 1, /* a */ "b": 2}}', '{"mcpServers": {/* a */ "b": 2}}'),
        ('{"mcpServers": {"telecmi": 1 /* a */, "b": 2}}', '{"mcpServers": { /* a */"b": 2}}'),
        ('{"mcpServers": {"b": 2, // a\n"telecmi": 1}}', '{"mcpServers": {"b": 2 // a\n}}'),
        ('{"mcpServers": {"b": 2, // a\n"telecmi": 1 // c\n}}', '{"mcpServers": {"b": 2 // a\n // c\n}}'),
        ('{"mcpServers": {"b": 2, /* a */ "telecmi": 1,}}', '{"mcpServers": {"b": 2, /* a */}}'),
        ('{"mcpServers": {// a\n"telecmi": 1, // c\n}}', '{"mcpServers": {// a\n // c\n}}'),
    ],
)
def test_a_removed_entry_leaves_the_comments_around_it(text: str, left: str) -> None:
    assert cut(text) == left


def test_an_edit_that_would_lose_a_comment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    edits = vars(json_edit)["_put"]
    monkeypatch.setattr(json_edit, "_put", lambda *arguments: [*edits(*arguments), (1, 11, "")])
    with pytest.raises(ClientConfigError, match="cannot be changed safely"):
        put('{/* mine */"mcpServers": {}}')


def test_an_object_with_comments_is_not_removed() -> None:
    text = '{"a": 1, "mcpServers": {/* mine */}}'
    assert json_edit.cut(text, "mcpServers") == text
    assert json_edit.cut('{"a": 1, "mcpServers": {}}', "mcpServers") == '{"a": 1}'


def test_a_text_of_comments_only_gets_an_object_below_them() -> None:
    made = put("// mine")
    assert made.startswith("// mine\n{\n")
    assert json_edit.read(made) == {"mcpServers": {"telecmi": ENTRY}}


def pasted(text: str) -> str:
    place = json_edit.paste(text, "mcpServers", "telecmi", ENTRY)
    assert place is not None
    at, block = place
    return text[:at] + block + text[at:]


@pytest.mark.parametrize("text", [*PASTE_INTO, COMMENTED, ODD])
def test_a_pasted_block_adds_the_entry(text: str) -> None:
    before = json_edit.read(text)
    servers = {"telecmi": ENTRY, **before.get("mcpServers", {})}
    assert json_edit.read(pasted(text)) == {**before, "mcpServers": servers}


@pytest.mark.parametrize("text", ["", "// mine", '{"mcpServers": []}', '{"mcpServers": {"telecmi": 1}}'])
def test_no_block_is_offered_where_it_would_not_add_the_entry(text: str) -> None:
    assert json_edit.paste(text, "mcpServers", "telecmi", ENTRY) is None


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
def test_adding_and_removing_restores_the_text(value: dict[str, Any], layout: Any, windows: bool) -> None:
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


FILLERS = st.sampled_from(
    [
        "",
        "",
        "",
        " ",
        "\n",
        "\n    ",
        "\r\n\t",
        " // mine\n",
        "/* mine */",
        "/* a\n b */ ",
        '// {"x": 1, }\n',
        "/*,*/",
        '/*"*/',
    ]
)


@st.composite
def commented(draw: st.DrawFn, value: Any) -> str:
    """Write a value as JSON with comments and trailing commas."""

    def filler() -> str:
        return draw(FILLERS)

    comma = draw(st.sampled_from(["", ","]))
    if isinstance(value, dict) and value:
        members = [
            f"{filler()}{json.dumps(key)}{filler()}:{filler()}{draw(commented(each))}{filler()}"
            for key, each in value.items()
        ]
        return "{" + ",".join(members) + f"{comma}{filler()}}}"
    if isinstance(value, list) and value:
        return "[" + ",".join(filler() + draw(commented(each)) + filler() for each in value) + f"{comma}{filler()}]"
    return json.dumps(value) if value or not isinstance(value, dict) else f"{{{filler()}}}"


COMMENTED_TEXTS = CONFIGURATIONS.flatmap(
    lambda value: st.tuples(st.just(value), commented(value), FILLERS, FILLERS).map(
        lambda parts: (parts[0], parts[2] + parts[1] + parts[3])
    )
)


def is_within(text: str, longer: str) -> bool:
    """Whether all characters of a text are in a longer one, in their order."""
    rest = iter(longer)
    return all(character in rest for character in text)


@given(COMMENTED_TEXTS)
def test_an_edit_keeps_every_character_of_a_text_with_comments(sample: tuple[dict[str, Any], str]) -> None:
    value, text = sample
    assert json_edit.read(text) == value
    made, there = put(text), value.get("mcpServers", {})
    assert json_edit.read(made) == {**value, "mcpServers": {**there, "telecmi": ENTRY}}
    assert json_edit.read(put(made)) == json_edit.read(made)
    assert json_edit.read(cut(made)) == {**value, "mcpServers": there}
    assert cut(made) == text or not there
    assert "mcpServers" in value or not value or json_edit.cut(made, "mcpServers") == text
    assert is_within("".join(text.split()), made)  # white space in an empty object is replaced
    assert json_edit.read(pasted(text)) == {**value, "mcpServers": {**there, "telecmi": ENTRY}}
