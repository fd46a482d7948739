"""The names of tools on one server: whole words of our texts are replaced, in the places that the server knows."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from paths import ROOT
from telecmi_mcp._mcp.tool_names import BARE_NAMES, ToolNames
from telecmi_mcp._mcp.tools.registry import LOCAL_TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = [tool.name for tool in LOCAL_TOOLS]
NAMED = re.compile(rf"\b(?:{'|'.join(NAMES)})\b")

# Where a text may name a tool. All of it is ours, so the server replaces the names in it (_server/naming.py, and
# Answer.advice). A notice is not here: it may hold the name of a company, which must stay as it is.
ROOMS_FOR_PEOPLE = ("_cli", "_config")  # a terminal shows the commands; the settings describe the tools themselves
PARTS = {"hint", "fact", "again_hint", "description", "name", "text", "get_contact"}
CONSTANTS = {"INSTRUCTIONS", "_COUNT_INSTEAD", "_CHATGPT_NAMES", "_OFF"}


def test_a_prefix_is_put_before_whole_words() -> None:
    names = ToolNames.with_prefix("crm_", NAMES)
    text = "Use search_contacts, get_contact: list_contacts. my_search_contacts search_contacts2 crm_get_contact"
    replaced = "Use crm_search_contacts, crm_get_contact: crm_list_contacts. my_search_contacts search_contacts2"
    assert names.in_text(text) == f"{replaced} crm_get_contact"
    assert names.in_text(names.in_text(text)) == names.in_text(text)
    assert names.shown("get_contact") == "crm_get_contact"


def test_a_longer_phrase_goes_before_the_names_in_it() -> None:
    names = ToolNames({"search_contacts": "search", "search_contacts and more": "all"})
    assert names.in_text("search_contacts and more, search_contacts") == "all, search"


def test_all_texts_of_a_json_value_are_replaced_and_no_key() -> None:
    names = ToolNames.with_prefix("crm_", NAMES)
    value = {"get_contact": ["get_contact", 1, None, {"a": "by get_contact"}]}
    assert names.in_json(value) == {"get_contact": ["crm_get_contact", 1, None, {"a": "by crm_get_contact"}]}


def test_without_a_prefix_nothing_is_replaced() -> None:
    for names in (BARE_NAMES, ToolNames.with_prefix("", NAMES)):
        assert not names
        assert names.in_text("search_contacts") == names.shown("search_contacts") == "search_contacts"
        value = {"a": ["get_contact"]}
        assert names.in_json(value) is value


def strings(node: ast.AST, around: tuple[str, ...] = ()) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Yield each text of a module that is no docstring, its line, and the names of what it is given to."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, node.lineno, around
    if isinstance(node, ast.keyword):
        around = (*around, node.arg or "")
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        around = (*around, *(target.id for target in targets if isinstance(target, ast.Name)))
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            name = key.value if isinstance(key, ast.Constant) else ""
            yield from strings(value, (*around, str(name)))
            if key is not None:
                yield from strings(key, around)
        return
    for child in ast.iter_child_nodes(node):
        yield from strings(child, around)


def test_a_text_names_a_tool_only_where_the_server_replaces_the_name() -> None:
    found, elsewhere = 0, []
    for path in sorted((ROOT / "telecmi_mcp").rglob("*.py")):
        inside = path.relative_to(ROOT / "telecmi_mcp")
        if inside.parts[0] in ROOMS_FOR_PEOPLE:
            continue
        for text, line, around in strings(ast.parse(path.read_text(encoding="utf8"))):
            if NAMED.search(text):
                found += 1
                if not (PARTS | CONSTANTS) & set(around):
                    elsewhere.append(f"{inside}:{line}: {text[:60]}")
    assert found > 20
    assert elsewhere == [], "put it into Answer.advice, an error, a description or a prompt"


def test_the_check_of_these_texts_finds_one_in_a_notice() -> None:
    module = ast.parse('"""search_contacts"""\ndef notice(x): return f"{x}: see search_contacts" if x else ""')
    assert [(text, around) for text, _, around in strings(module) if NAMED.search(text)] == [
        (": see search_contacts", ())
    ]
