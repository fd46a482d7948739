"""What a result may hold in each protocol version."""

from __future__ import annotations

from typing import Any

import pytest

from telecmi_mcp._mcp.revisions import HANDSHAKE_VERSIONS, SERVED_VERSIONS, STATELESS_VERSIONS, fit_to_version

SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}, "icons": {"title": "annotations"}}}
TOOL = {
    "name": "n",
    "title": "t",
    "inputSchema": SCHEMA,
    "outputSchema": SCHEMA,
    "annotations": {"readOnlyHint": True},
    "icons": [{"src": "data:,"}],
}
INITIALIZED = {
    "protocolVersion": "v",
    "capabilities": {"tools": {"listChanged": False}, "completions": {}},
    "serverInfo": {"name": "n", "version": "1", "title": "t", "websiteUrl": "u", "icons": []},
    "instructions": "title",
}
CALLED = {"content": [{"type": "text", "text": "t", "annotations": {}}], "structuredContent": {"tools": []}}
PROMPTS = {"prompts": [{"name": "p", "title": "t", "arguments": [{"name": "a", "title": "t", "required": True}]}]}
RESOURCES = {"resources": [{"uri": "u", "name": "n", "title": "t"}], "resourceTemplates": [{"title": "t", "name": "n"}]}

OLDEST: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"tools": [TOOL]}, {"tools": [{"name": "n", "inputSchema": SCHEMA}]}),
    (
        INITIALIZED,
        {**INITIALIZED, "capabilities": {"tools": {"listChanged": False}}, "serverInfo": {"name": "n", "version": "1"}},
    ),
    (CALLED, {"content": CALLED["content"]}),
    (PROMPTS, {"prompts": [{"name": "p", "arguments": [{"name": "a", "required": True}]}]}),
    (RESOURCES, {"resources": [{"uri": "u", "name": "n"}], "resourceTemplates": [{"name": "n"}]}),
]


@pytest.mark.parametrize(("result", "fitted"), OLDEST)
def test_the_oldest_revision_gets_what_its_schema_has(result: dict[str, Any], fitted: dict[str, Any]) -> None:
    assert fit_to_version("2024-11-05", result) == fitted


def test_the_second_revision_has_annotations_and_completions() -> None:
    assert fit_to_version("2025-03-26", {"tools": [TOOL]}) == {
        "tools": [{"name": "n", "inputSchema": SCHEMA, "annotations": {"readOnlyHint": True}}]
    }
    assert fit_to_version("2025-03-26", INITIALIZED)["capabilities"] == INITIALIZED["capabilities"]


def test_icons_and_websites_came_with_the_fourth() -> None:
    assert fit_to_version("2025-06-18", {"tools": [TOOL]})["tools"] == [
        {name: value for name, value in TOOL.items() if name != "icons"}
    ]
    assert fit_to_version("2025-06-18", INITIALIZED)["serverInfo"] == {"name": "n", "version": "1", "title": "t"}


@pytest.mark.parametrize("version", ["2025-11-25", *STATELESS_VERSIONS])
def test_the_latest_revisions_get_everything(version: str) -> None:
    for result, _ in OLDEST:
        assert fit_to_version(version, result) is result


def test_the_newest_revision_is_named_first() -> None:
    assert (*STATELESS_VERSIONS, *reversed(HANDSHAKE_VERSIONS)) == SERVED_VERSIONS
