"""The channel: what it sends, and what it never keeps. tests/faults has its faults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from conftest import SIGNED_IN
from telecmi_mcp import __version__, open_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PAGE = {"contacts": [], "page_state": "next"}


class Telecmi:
    """Answers every request in the same way, and keeps the requests."""

    def __init__(self, answer: dict[str, Any], **headers: str) -> None:
        self.transport = httpx2.MockTransport(self._answer)
        self.requests: list[httpx2.Request] = []
        self._body = json.dumps(answer).encode()
        self._headers = headers

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        async def body() -> AsyncIterator[bytes]:
            yield self._body

        self.requests.append(request)
        return httpx2.Response(200, content=body(), headers=self._headers)


async def test_a_request_is_a_post_of_json_by_this_program() -> None:
    telecmi = Telecmi(PAGE)
    async with open_app(SIGNED_IN, transport=telecmi.transport) as app:
        await app.client.list_contacts(limit=7)
    (request,) = telecmi.requests
    assert (request.method, str(request.url)) == ("POST", "http://localhost/v3/contact/get")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == f"telecmi-mcp/{__version__}"
    assert json.loads(request.content)["limit"] == 7


async def test_a_cookie_is_never_kept() -> None:
    telecmi = Telecmi(PAGE, **{"Set-Cookie": "session=1; Path=/"})
    async with open_app(SIGNED_IN, transport=telecmi.transport) as app:
        await app.client.list_contacts()
        await app.client.list_contacts()
    assert ["cookie" in request.headers for request in telecmi.requests] == [False, False]


async def test_the_headers_of_an_answer_are_passed_on() -> None:
    telecmi = Telecmi(PAGE, **{"X-RateLimit-Limit": "60"})
    seen: list[list[tuple[bytes, bytes]]] = []
    async with open_app(SIGNED_IN, transport=telecmi.transport) as app:
        answer = await app.client.channel.post("/v3/contact/get", {}, timeout_s=5, on_headers=seen.append)
    assert answer.status == 200
    assert (b"X-RateLimit-Limit", b"60") in seen[0]


@pytest.mark.parametrize("cursor", ["~", "~~", " x", "ä", "\x00\n", "\ud800", "\u202eabc", "a b"])
async def test_a_cursor_of_any_text_goes_back_byte_for_byte(cursor: str) -> None:
    telecmi = Telecmi({"contacts": [], "page_state": cursor})
    async with open_app(SIGNED_IN, transport=telecmi.transport) as app:
        page = await app.client.list_contacts()
        assert page.page_state == cursor
        await app.client.list_contacts(page_state=page.page_state)
    assert json.loads(telecmi.requests[1].content)["page_state"] == cursor
