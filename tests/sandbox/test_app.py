import json
import socket
from collections.abc import MutableMapping
from itertools import count

import anyio
import httpx2
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from sandbox_calls import GET, LOGIN, NOBODY, get, ids, login, send, walk
from telecmi_mcp.sandbox import SANDBOX_TOKEN, create_sandbox, make_contacts

JOHN_DOE = {
    "contact_id": "d3b07384-d113-4ec5-a5ae-be81d6e3c239",
    "phone_no": "919200000000",
    "first_name": "John",
    "last_name": "Doe",
    "email_id": "john.doe@example.com",
    "company": "Acme Corp",
    "job_title": "Software Engineer",
}


async def test_the_first_page_has_the_documented_form() -> None:
    answer = await get(create_sandbox())
    assert list(answer) == ["code", "contacts", "count", "page_state"]
    assert (answer["code"], answer["count"], len(answer["contacts"])) == (200, 150, 10)
    assert answer["contacts"][0] == JOHN_DOE


@pytest.mark.parametrize("spell", [str.lower, str.upper])
async def test_a_contact_is_found_by_its_id_in_any_case(spell: type[str]) -> None:
    answer = await get(create_sandbox(), contact_id=spell(JOHN_DOE["contact_id"]))
    assert answer == {"code": 200, "contacts": [JOHN_DOE], "count": 150}


@pytest.mark.parametrize("limit", [1, 7, 10, 50, 100, 10.0])
async def test_paging_to_the_end_brings_every_contact_once(limit: int) -> None:
    pages = await walk(create_sandbox(), limit=limit)
    assert ids(pages) == [contact["contact_id"] for contact in make_contacts()]
    assert {len(page["contacts"]) for page in pages[:-1]} == {limit}


async def test_names_are_sent_unchanged_in_utf_8() -> None:
    response = await send(create_sandbox(), GET, {"token": SANDBOX_TOKEN, "limit": 100})
    assert response.json()["contacts"] == make_contacts(100)
    assert make_contacts(19)[-1]["first_name"].encode() in response.content


@pytest.mark.parametrize(
    "fields",
    [
        {"token": None}, {"token": 7}, {"limit": 0}, {"limit": 101}, {"limit": "10"}, {"limit": 1.5},
        {"limit": True}, {"limit": None}, {"limit": 1e400}, {"limit": []}, {"contact_id": "42"},
        {"contact_id": NOBODY.replace("-", "")}, {"contact_id": NOBODY + "\n"}, {"contact_id": None},
        {"contact_id": "\u0660" + NOBODY[1:]}, {"page_state": 3}, {"page_state": None},
    ],
)  # fmt: skip
async def test_an_invalid_parameter_is_rejected_with_code_400(fields: dict[str, object]) -> None:
    body = json.dumps({"token": SANDBOX_TOKEN, **fields}).replace("Infinity", "1e400").encode()
    response = await send(create_sandbox(), GET, content=body)
    name = next(iter(fields))
    assert response.status_code == 200
    assert response.json() == {"code": 400, "error": True, "msg": f"Invalid parameters: {name}"}


@pytest.mark.parametrize("path", [GET, LOGIN])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"limit":NaN}', b"[" * 50_000,
        b"1" * 5_000, b'{"token":"x"}' + b" " * 200_000,
    ],
    ids=lambda body: repr(body[:14]),
)  # fmt: skip
async def test_a_body_that_is_not_a_json_object_is_rejected_with_code_400(path: str, body: bytes) -> None:
    response = await send(create_sandbox(), path, content=body)
    assert response.status_code == 200
    assert response.json() == {"code": 400, "error": True, "msg": "Invalid parameters: body"}


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_another_content_type_is_rejected_with_code_400(content_type: str) -> None:
    response = await send(create_sandbox(), GET, {"token": SANDBOX_TOKEN}, content_type=content_type)
    assert response.json() == {"code": 400, "error": True, "msg": "Invalid parameters: content-type"}


async def test_a_content_type_may_have_parameters() -> None:
    content_type = "Application/JSON; charset=utf-8"
    response = await send(create_sandbox(), GET, {"token": SANDBOX_TOKEN}, content_type=content_type)
    assert response.json()["code"] == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", GET),
        ("GET", LOGIN),
        ("PUT", GET),
        ("POST", "/"),
        ("POST", "/v3/contact/add"),
        ("POST", GET + "/"),
    ],
)
async def test_an_unknown_route_is_an_html_page_with_status_404(method: str, path: str) -> None:
    response = await send(create_sandbox(), path, method=method)
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert f"<pre>Cannot {method} {path}</pre>" in response.text


async def test_the_page_of_an_unknown_route_escapes_its_path() -> None:
    response = await send(create_sandbox(), "/%3Cscript%3E")
    assert "<pre>Cannot POST /&lt;script&gt;</pre>" in response.text


async def test_contacts_may_be_given_and_replaced() -> None:
    app = create_sandbox(contacts=[{"contact_id": NOBODY, "first_name": "Ada"}])
    only = {"contact_id": NOBODY, "first_name": "Ada"}
    assert await get(app) == {"code": 200, "contacts": [only], "count": 1}
    app.replace_contacts([])
    assert await get(app) == {"code": 200, "contacts": [], "count": 0}


async def test_a_given_contact_whose_id_is_in_capitals_is_found() -> None:
    contact = {**JOHN_DOE, "contact_id": JOHN_DOE["contact_id"].upper()}
    answer = await get(create_sandbox(contacts=[contact]), contact_id=JOHN_DOE["contact_id"])
    assert answer["contacts"] == [contact]


async def test_requests_are_recorded_unchanged() -> None:
    app = create_sandbox()
    await get(app, limit=3)
    await login(app)
    await send(app, "/nowhere", content=b"{", content_type="x/trace")
    first, second, third = app.state.requests
    assert (app.state.request_count, app.state.login_count) == (3, 1)
    assert (first.method, first.path, first.body_keys) == ("POST", GET, ("token", "limit"))
    assert first.body == {"token": SANDBOX_TOKEN, "limit": 3}
    assert second.path == LOGIN
    assert (third.path, third.body, third.body_keys) == ("/nowhere", None, ())
    assert ("content-type", "x/trace") in third.headers
    assert not [token for token in (SANDBOX_TOKEN, *app.state.tokens) if token in repr(app.state)]


@pytest.mark.slow
async def test_the_recorder_keeps_the_last_thousand_requests_and_counts_all() -> None:
    app = create_sandbox()
    for _ in range(1_001):
        await send(app, "/")
    await get(app)
    assert (app.state.request_count, len(app.state.requests)) == (1_002, 1_000)
    assert app.state.requests[-1].path == GET


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["token", "limit", "contact_id", "page_state", "id", "password"])
SIGNED_IN = st.fixed_dictionaries(
    {"token": st.just(SANDBOX_TOKEN)},
    optional={"limit": JSON, "page_state": JSON, "contact_id": JSON | st.uuids().map(str)},
)


@given(
    path=st.sampled_from([GET, LOGIN]),
    fields=JSON | st.dictionaries(NAMES, JSON) | SIGNED_IN,
)
async def test_every_response_has_a_documented_form(path: str, fields: object) -> None:
    response = await send(create_sandbox(contacts=[JOHN_DOE]), path, fields)
    assert response.status_code == 200
    assert response.json()["code"] in {200, 400, 404}


async def test_a_real_server_runs_it_with_lifespan_on() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_sandbox(), lifespan="on", log_level="critical"))
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks, httpx2.AsyncClient(base_url=base_url) as client:
            tasks.start_soon(server.serve, [listener])
            response = await client.post(GET, json={"token": SANDBOX_TOKEN, "limit": 1})
            server.should_exit = True
    assert response.json()["contacts"] == [JOHN_DOE]


async def test_a_websocket_is_closed() -> None:
    sent = []

    async def take(message: object) -> None:
        sent.append(message)

    async def give() -> dict[str, object]:
        return {"type": "websocket.connect"}

    await create_sandbox()({"type": "websocket"}, give, take)
    assert sent == [{"type": "websocket.close"}]


async def test_a_caller_that_disconnects_within_its_body_gets_no_response() -> None:
    async def take(message: object) -> None:
        pytest.fail(f"answered {message}")

    async def give() -> dict[str, object]:
        return {"type": "http.disconnect"}

    app = create_sandbox()
    await app({"type": "http", "method": "POST", "path": GET, "headers": []}, give, take)
    assert app.state.request_count == 0


async def test_an_endless_body_is_read_no_further_than_its_limit() -> None:
    chunks = count()
    sent: list[MutableMapping[str, object]] = []

    async def take(message: MutableMapping[str, object]) -> None:
        sent.append(message)

    async def give() -> dict[str, object]:
        assert next(chunks) < 200
        return {"type": "http.request", "body": b" " * 1024, "more_body": True}

    headers = [(b"content-type", b"application/json")]
    await create_sandbox()({"type": "http", "method": "POST", "path": GET, "headers": headers}, give, take)
    assert "Invalid parameters: body" in str(sent[1]["body"])
