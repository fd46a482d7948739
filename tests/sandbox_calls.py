"""Sends requests to a sandbox in the same process, as a client on the network would."""

import json
from typing import Any, TypeAlias

import httpx2

from telecmi_mcp.sandbox import SANDBOX_PASSWORD, SANDBOX_TOKEN, SANDBOX_USER_ID, Sandbox

Answer: TypeAlias = dict[str, Any]

GET = "/v3/contact/get"
LOGIN = "/v2/user/login"
NOBODY = "00000000-0000-4000-8000-000000000000"


async def send(
    app: Sandbox,
    path: str,
    fields: object = None,
    *,
    method: str = "POST",
    content: bytes | None = None,
    content_type: str = "application/json",
) -> httpx2.Response:
    """Send one request: `fields` as JSON in ASCII, which can hold lone surrogates, or `content` as it is."""
    body = json.dumps(fields).encode() if content is None else content
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://sandbox.invalid") as client:
        return await client.request(method, path, content=body, headers={"content-type": content_type})


async def get(app: Sandbox, *, token: str = SANDBOX_TOKEN, **fields: object) -> Answer:
    answer: Answer = (await send(app, GET, {"token": token, **fields})).json()
    return answer


async def login(app: Sandbox, *, user_id: str = SANDBOX_USER_ID, password: str = SANDBOX_PASSWORD) -> Answer:
    answer: Answer = (await send(app, LOGIN, {"id": user_id, "password": password})).json()
    return answer


async def walk(app: Sandbox, *, limit: int, at_most: int = 400) -> list[Answer]:
    """Return the pages up to the last one, or `at_most` pages."""
    pages = [await get(app, limit=limit)]
    while pages[-1].get("page_state") and len(pages) < at_most:
        pages.append(await get(app, limit=limit, page_state=pages[-1]["page_state"]))
    return pages


def ids(pages: list[Answer]) -> list[str]:
    return [contact["contact_id"] for page in pages for contact in page["contacts"]]
