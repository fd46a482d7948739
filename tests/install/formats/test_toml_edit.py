"""Tests that an edit of TOML changes one entry and keeps comments, order and layout."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._install.formats import toml_edit
from telecmi_mcp.errors import ClientConfigError

ENTRY = {"command": "C:\\Programs\\telecmi-mcp.exe", "args": ["serve"], "env": {"TELECMI_USER_ID": "103_1111112"}}

MINE = """# my settings
model = "x"   # the good one

[mcp_servers.other] # keep
command = "npx"
args = [
  "-y",  # yes
]
future_key = 1

# about what follows
[tui]
theme = 'a "#" b'
"""


def put(text: str) -> str:
    return toml_edit.put(text, "mcp_servers", "telecmi", ENTRY)


def cut(text: str) -> str:
    return toml_edit.cut(text, "mcp_servers", "telecmi")


def test_an_entry_is_a_table_at_the_end() -> None:
    assert put(MINE) == MINE + (
        "\n[mcp_servers.telecmi]\n"
        'command = "C:\\\\Programs\\\\telecmi-mcp.exe"\n'
        'args = ["serve"]\n'
        'env = { TELECMI_USER_ID = "103_1111112" }\n'
    )


@pytest.mark.parametrize("text", ["", "a = 1\n", "a = 1\n\n", MINE, MINE.replace("\n", "\r\n"), "# only words\n"])
def test_removal_restores_every_byte(text: str) -> None:
    assert tomllib.loads(put(text))["mcp_servers"]["telecmi"] == ENTRY
    assert cut(put(text)) == text


def test_line_ends_follow_the_file() -> None:
    made = put("a = 1\r\n")
    assert made.count("\n") == made.count("\r\n") > 3


def test_a_last_line_without_an_end_gets_one() -> None:
    assert put("a = 1").startswith("a = 1\n\n[mcp_servers.telecmi]\n")


def test_an_entry_of_the_same_name_is_replaced() -> None:
    before = put(MINE)
    after = toml_edit.put(before, "mcp_servers", "telecmi", {"command": "/new"})
    assert after == f'{MINE}\n[mcp_servers.telecmi]\ncommand = "/new"\n'


def test_an_entry_is_removed_with_its_tables_and_the_comments_around_it_stay() -> None:
    text = """[mcp_servers . "telecmi"]
command = "x"

[mcp_servers.telecmi.env]
A = "1"

# about alpha
[mcp_servers.alpha]
command = "y"
"""
    assert cut(text) == '\n\n# about alpha\n[mcp_servers.alpha]\ncommand = "y"\n'


def test_a_number_sign_in_a_value_is_not_a_comment() -> None:
    text = toml_edit.put("", "mcp_servers", "telecmi", {"command": "/a#b/telecmi-mcp", "args": ["#"]})
    assert cut(text) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = ", "not valid TOML"),
        ("mcp_servers = 1", "not a table"),
        ('mcp_servers = ["a"]', "not a table"),
        ('mcp_servers = { other = { command = "x" } }', "safely"),  # nothing can be added to it from outside
        ('[mcp_servers]\ntelecmi = { command = "x" }', "cannot be changed safely"),
        ('[mcp_servers.telecmi]\ncommand = "x" # mine', "comments"),
        ('[mcp_servers.telecmi]\n# mine\ncommand = "x"', "comments"),
        ('[mcp_servers.telecmi]\ncommand = """\n[x]\n"""', "not valid TOML|safely"),
    ],
)
def test_what_cannot_be_changed_safely_is_refused(text: str, why: str) -> None:
    with pytest.raises(ClientConfigError, match=why):
        put(text)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.from_regex(r"[a-z_]{1,6}", fullmatch=True).filter(lambda name: name != "telecmi")


@given(TEXTS, st.lists(TEXTS, max_size=3), st.dictionaries(NAMES, TEXTS, max_size=3))
def test_any_entry_is_read_back_unchanged(command: str, args: list[str], env: dict[str, str]) -> None:
    entry = {"command": command, "args": args, "env": env}
    made = toml_edit.put(MINE, "mcp_servers", "telecmi", entry)
    assert tomllib.loads(made)["mcp_servers"]["telecmi"] == entry
    assert cut(made) == MINE


def test_broken_toml_is_named_by_line_and_column() -> None:
    with pytest.raises(ClientConfigError, match=r"Correct the file: it is not valid TOML at line 2, column 5\."):
        put("a = 1\nb = \n")


def test_a_pasted_table_adds_the_entry() -> None:
    for text in (MINE, MINE.rstrip()):
        place = toml_edit.paste(text, "mcp_servers", "telecmi", ENTRY)
        assert place is not None
        at, block = place
        pasted = tomllib.loads(text[:at] + block + text[at:])
        assert pasted["mcp_servers"] == {**tomllib.loads(text)["mcp_servers"], "telecmi": ENTRY}
    assert toml_edit.paste("", "mcp_servers", "telecmi", ENTRY) is None
    assert toml_edit.paste(put(MINE), "mcp_servers", "telecmi", ENTRY) is None


def test_a_line_of_a_text_that_looks_like_the_entrys_header_stays() -> None:
    text = '[other]\nx = """\n[mcp_servers.telecmi]\n"""\n'
    with_entry = toml_edit.put(text, "mcp_servers", "telecmi", {"command": "x"})
    assert toml_edit.cut(with_entry, "mcp_servers", "telecmi") == text
