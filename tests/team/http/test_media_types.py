"""In which type an answer is sent, and which bodies are read: point by point, and through the whole app."""

from __future__ import annotations

import pytest

from team.http.asking import (
    EVENTS,
    JSON,
    LEGACY,
    NEWEST,
    error_in,
    headers_of,
    opened_client,
    post,
    request,
    result_in,
)
from telecmi_mcp._team.http.media_types import acceptable, is_utf_8_json

LISTING = {version: request("tools/list", version) for version in (LEGACY, NEWEST)}


@pytest.mark.parametrize(
    ("lines", "weights"),
    [
        ([], (1, 1)),
        ([""], (1, 1)),
        ([" , ,"], (1, 1)),
        (["application/json, text/event-stream"], (1, 1)),
        (["application/json"], (1, 0)),
        (["text/event-stream"], (0, 1)),
        (["*/*"], (1, 1)),
        (["*"], (1, 1)),  # Java's HttpURLConnection
        (["application/*"], (1, 0)),
        (["text/*"], (0, 1)),
        (["text/html"], (0, 0)),
        (["application/jsonp, xtext/event-stream, json, /"], (0, 0)),
        (["APPLICATION/Json ; Charset=UTF-8"], (1, 0)),
        (["\tText/Event-Stream\t,"], (0, 1)),
        (["text/html", "application/json"], (1, 0)),
        (["application/json;q=0", "*/*"], (0, 1)),
        (["*/*;q=0.5, text/event-stream;q=0"], (0.5, 0)),
        (["application/*;q=0, application/json"], (1, 0)),
        (["application/json;q=0"], (0, 0)),
        (["application/json; q = 0.000 , text/event-stream ;Q=0.0"], (0, 0)),
        (["application/json;q=0.2, text/event-stream;q=0.8"], (0.2, 0.8)),
        (["application/json;q=nothing"], (1, 0)),
        (["application/json;q=-1"], (1, 0)),
        (["application/json;q=7"], (1, 0)),
        (['text/html;a="b, application/json"'], (0, 0)),
        (['application/json;a=";q=0"'], (1, 0)),
        (['application/json;a="\\";q=0"'], (1, 0)),
        (["application/json;version=1;q=0, application/json"], (1, 0)),
    ],
)
def test_the_most_specific_range_says_whether_a_type_is_accepted(
    lines: list[str], weights: tuple[float, float]
) -> None:
    assert acceptable(lines) == weights


@pytest.mark.parametrize("lines", [['"'], ['a"b, application/json'], ['"' * 4_000], [";" * 4_000], [";q=" * 4_000]])
def test_any_text_is_read(lines: list[str]) -> None:
    acceptable(lines)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        (JSON, JSON),
        (EVENTS, EVENTS),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/*", EVENTS),
        ("TEXT/EVENT-STREAM", EVENTS),
        (f"{JSON};q=0, */*", EVENTS),
        (f"{JSON};q=0.5, {EVENTS}", EVENTS),
        (f"{JSON}, {EVENTS}", JSON),
    ],
)
@pytest.mark.parametrize("version", [LEGACY, NEWEST])
async def test_an_answer_has_a_type_that_was_asked_for(version: str, accept: str | None, media_type: str) -> None:
    async with opened_client() as client:
        answer = await post(client, LISTING[version], headers_of(version, LISTING[version], accept=accept))
    assert answer.headers["content-type"] == media_type
    assert result_in(answer)["tools"]


@pytest.mark.parametrize("first", ["text/html", f"{JSON};q=0"])
async def test_several_lines_are_one_list(first: str) -> None:
    async with opened_client() as client:
        headers = headers_of(LEGACY, accept=None)
        answer = await post(client, LISTING[LEGACY], [*headers.items(), ("accept", first), ("accept", EVENTS)])
        assert answer.headers["content-type"] == EVENTS


@pytest.mark.parametrize("accept", ["text/html", "application/xml, image/*", f"{JSON};q=0, {EVENTS};q=0", "*/*;q=0"])
@pytest.mark.parametrize("version", [LEGACY, NEWEST])
async def test_a_caller_who_accepts_neither_type_reads_which_there_are(version: str, accept: str) -> None:
    async with opened_client() as client:
        answer = await post(client, LISTING[version], headers_of(version, LISTING[version], accept=accept))
    sentence = "Accept application/json or text/event-stream: this server has no other answers."
    assert error_in(answer) == (406, -32600, sentence)
    assert answer.json()["id"] == 1


@pytest.mark.parametrize(
    ("content_type", "is_read"),
    [
        ("application/json", True),
        ("Application/JSON", True),
        ("application/json;charset=utf-8", True),
        (' application/json ; Charset = "UTF-8" ', True),
        ("application/json; profile=x; charset=utf8", True),
        ("application/json;", True),
        ("application/json; charset=utf-16", False),
        ("application/json; charset=iso-8859-1", False),
        ("application/json; charset=utf-8; charset=latin1", False),
        ("application/json; charset=", False),
        ("application/json, text/plain", False),
        ("application/json-rpc", False),
        ("application/vnd.api+json", False),
        ("text/json", False),
        ("", False),
    ],
)
def test_json_in_utf_8_is_read_and_nothing_else(content_type: str, *, is_read: bool) -> None:
    assert is_utf_8_json(content_type) is is_read


@pytest.mark.parametrize(
    "changes",
    [
        {"content_type": None},
        {"content_type": "text/plain"},
        {"content_type": "application/json; charset=utf-16"},
        {"content_encoding": "gzip"},
    ],
)
@pytest.mark.parametrize("version", [LEGACY, NEWEST])
async def test_another_body_is_refused_in_json(version: str, changes: dict[str, str | None]) -> None:
    async with opened_client() as client:
        answer = await post(client, LISTING[version], headers_of(version, LISTING[version], **changes))
    sentence = "Send the body as application/json, in UTF-8 and uncompressed."
    assert error_in(answer) == (415, -32600, sentence)
    assert (answer.json()["id"], answer.headers["accept-post"]) == (1, JSON)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "OPTIONS"])
async def test_another_method_is_refused_in_json(method: str) -> None:
    async with opened_client() as client:
        answer = await client.request(method, "/mcp", headers={"accept": EVENTS, "last-event-id": "7"})
    assert answer.headers["allow"] == "POST"
    assert error_in(answer) == (405, -32600, "Send messages by POST: there are no sessions here.")
