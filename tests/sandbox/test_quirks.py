from typing import Any, Literal

import pytest

from sandbox_calls import GET, NOBODY, Answer, get, login, send
from telecmi_mcp.sandbox import SANDBOX_TOKEN, Quirks, create_sandbox, make_contacts

JOHN_DOE = make_contacts(1)[0]


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ("empty_list", {"code": 200, "contacts": [], "count": 150}),
        ("null", {"code": 200, "contacts": None, "count": 150}),
        ("missing", {"code": 200, "count": 150}),
        ("object", {"code": 200, "contacts": {}, "count": 150}),
        ("other_contact", {"code": 200, "contacts": [JOHN_DOE], "count": 150}),
        ("code_404", {"code": 404, "error": True, "msg": "Contact not found"}),
        ("code_400", {"code": 400, "error": True, "msg": "Invalid parameters: contact_id"}),
    ],
)
async def test_an_unknown_contact(form: Any, answer: Answer) -> None:
    assert await get(create_sandbox(Quirks(unknown_contact=form)), contact_id=NOBODY) == answer


@pytest.mark.parametrize(
    ("form", "contacts"), [("list", [JOHN_DOE]), ("object", JOHN_DOE), ("twice", [JOHN_DOE, JOHN_DOE])]
)
async def test_a_known_contact(form: Any, contacts: object) -> None:
    answer = await get(create_sandbox(Quirks(known_contact=form)), contact_id=JOHN_DOE["contact_id"])
    assert answer == {"code": 200, "contacts": contacts, "count": 150}


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ("code_400", {"code": 400, "error": True, "msg": "Invalid parameters: contact_id"}),
        ("code_404", {"code": 404, "error": True, "msg": "Contact not found"}),
        ("like_unknown", {"code": 200, "contacts": None, "count": 150}),
    ],
)
async def test_an_id_that_is_not_a_uuid(form: Any, answer: Answer) -> None:
    app = create_sandbox(Quirks(malformed_id=form, unknown_contact="null"))
    assert await get(app, contact_id="not-a-uuid") == answer


@pytest.mark.parametrize(
    ("form", "contact_id"), [("lower", JOHN_DOE["contact_id"]), ("upper", JOHN_DOE["contact_id"].upper())]
)
async def test_the_letters_of_an_id(form: Any, contact_id: str) -> None:
    app = create_sandbox(Quirks(id_case=form))
    for asked in (contact_id.lower(), contact_id.upper()):
        assert (await get(app, contact_id=asked))["contacts"] == [{**JOHN_DOE, "contact_id": contact_id}]


async def test_an_id_in_lower_case_may_be_unknown() -> None:
    app = create_sandbox(Quirks(id_case="upper_only", unknown_contact="code_404"))
    assert (await get(app, contact_id=JOHN_DOE["contact_id"]))["code"] == 404
    (contact,) = (await get(app, contact_id=JOHN_DOE["contact_id"].upper()))["contacts"]
    assert contact["contact_id"] == JOHN_DOE["contact_id"].upper()


async def test_phone_numbers_may_have_a_plus_sign() -> None:
    answer = await get(create_sandbox(Quirks(phone_no="plus")), limit=100)
    for shown, contact in zip(answer["contacts"], make_contacts(100), strict=True):
        assert shown["phone_no"] == (f"+{contact['phone_no']}" if contact["phone_no"] else "")


@pytest.mark.parametrize(("form", "kinds"), [("string", {str}), ("number", {int, str})])
async def test_phone_numbers(form: Any, kinds: set[type]) -> None:
    numbers = [
        contact["phone_no"] for contact in (await get(create_sandbox(Quirks(phone_no=form)), limit=100))["contacts"]
    ]
    assert {type(number) for number in numbers} == kinds
    assert [str(number) for number in numbers] == [contact["phone_no"] for contact in make_contacts(100)]
    assert {number for number in numbers if isinstance(number, str)} >= {""}


@pytest.mark.parametrize(("form", "gap"), [("empty_string", ""), ("null", None), ("missing", "not there")])
async def test_fields_without_a_value(form: Any, gap: object) -> None:
    answer = await get(create_sandbox(Quirks(gaps=form)), limit=100)
    for shown, contact in zip(answer["contacts"], make_contacts(100), strict=True):
        assert {name: shown.get(name, "not there") for name in contact} == {
            name: value or gap for name, value in contact.items()
        }


@pytest.mark.parametrize(("form", "is_there"), [("none", False), ("some", True)])
async def test_undocumented_fields(form: Any, is_there: bool) -> None:
    answer = await get(create_sandbox(Quirks(extra_fields=form)), limit=1)
    assert (set(answer) > {"code", "contacts", "count", "page_state"}) is is_there
    assert (set(answer["contacts"][0]) > set(JOHN_DOE)) is is_there


@pytest.mark.parametrize(
    ("form", "second"),
    [
        ("none", make_contacts(2)[1]),
        ("no_id", {name: value for name, value in make_contacts(2)[1].items() if name != "contact_id"}),
        ("id_not_uuid", {**make_contacts(2)[1], "contact_id": "42"}),
        ("null", None),
        ("text", "contact"),
        ("nested_name", {**make_contacts(2)[1], "first_name": {"value": make_contacts(2)[1]["first_name"]}}),
    ],
)
async def test_one_malformed_contact_among_good_ones(form: Any, second: object) -> None:
    contacts = (await get(create_sandbox(Quirks(malformed_contact=form))))["contacts"]
    first, *rest = make_contacts(10)
    assert contacts == [first, second, *rest[1:]]


@pytest.mark.parametrize(("form", "mark"), [("absent", b'{"code"'), ("present", b'\xef\xbb\xbf{"code"')])
async def test_a_byte_order_mark(form: Any, mark: bytes) -> None:
    app = create_sandbox(Quirks(byte_order_mark=form))
    for token in (SANDBOX_TOKEN, "wrong"):
        assert (await send(app, GET, {"token": token})).content.startswith(mark)


@pytest.mark.parametrize(
    ("form", "header"),
    [("json", "application/json; charset=utf-8"), ("html", "text/html; charset=utf-8"), ("none", None)],
)
async def test_the_content_type_of_json(form: Any, header: str | None) -> None:
    app = create_sandbox(Quirks(content_type=form))
    for token in (SANDBOX_TOKEN, "wrong"):
        response = await send(app, GET, {"token": token})
        assert response.headers.get("content-type") == header
        assert response.json()["code"]


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ("none", {}),
        ("ratelimit", {"ratelimit-limit": "60", "ratelimit-remaining": "59", "ratelimit-reset": "30"}),
        ("x_ratelimit", {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "59"}),
    ],
)
async def test_headers_that_tell_the_rate_limit(form: Any, headers: dict[str, str]) -> None:
    response = await send(create_sandbox(Quirks(rate_headers=form)), GET, {"token": SANDBOX_TOKEN})
    assert {name: value for name, value in response.headers.items() if "ratelimit" in name} == headers


@pytest.mark.parametrize(
    ("form", "text"), [("clean", b'"first_name":"John",'), ("lone_surrogate", b'"first_name":"John\\ud83d",')]
)
async def test_a_lone_surrogate_in_a_name(form: Any, text: bytes) -> None:
    response = await send(create_sandbox(Quirks(first_name=form)), GET, {"token": SANDBOX_TOKEN})
    assert text in response.content
    assert response.json()["contacts"][1:] == make_contacts(10)[1:]


@pytest.mark.parametrize(
    ("form", "places"),
    [("none", set()), ("contact", {"contact"}), ("answer", {"answer"}), ("error_text", {"error_text"})],
)
async def test_the_callers_token_is_echoed(form: Any, places: set[str]) -> None:
    app = create_sandbox(Quirks(token_echo=form))
    good, bad = await get(app, limit=2), await get(app, limit=0)
    echoes = {
        "contact": SANDBOX_TOKEN in str(good["contacts"]),
        "answer": good.get("token") == SANDBOX_TOKEN,
        "error_text": SANDBOX_TOKEN in bad["msg"],
    }
    assert {place for place, is_echoed in echoes.items() if is_echoed} == places


async def test_a_malformed_token_is_not_echoed() -> None:
    app = create_sandbox(Quirks(token_echo="error_text"))
    assert (await send(app, GET, {"token": 7})).json()["msg"] == "Invalid parameters: token"


@pytest.mark.parametrize(("form", "status"), [("body", 200), ("http", None)])
@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("retry_after", [None, "2", "Wed, 21 Oct 2065 07:28:00 GMT", "-1"])
async def test_throttling_after_some_requests(
    form: Literal["body", "http"], status: int | None, code: Literal[429, 503], retry_after: str | None
) -> None:
    quirks = Quirks(rate_limit=form, rate_limit_code=code, rate_limit_after=2, retry_after=retry_after)
    app = create_sandbox(quirks)
    assert [(await get(app))["code"], (await login(app))["code"]] == [200, 200]
    for _ in range(3):
        response = await send(app, GET, {"token": SANDBOX_TOKEN})
        assert response.status_code == status or code
        assert response.json() == {"code": code, "error": True, "msg": "Too many requests"}
        assert response.headers.get("retry-after") == retry_after


async def test_only_a_throttled_response_has_retry_after() -> None:
    response = await send(create_sandbox(Quirks(retry_after="2")), GET, {})
    assert response.json()["code"] == 400
    assert "retry-after" not in response.headers


async def test_throttling_may_end() -> None:
    app = create_sandbox(Quirks(rate_limit="body", rate_limit_after=1, rate_limit_refusals=2))
    assert [(await get(app))["code"] for _ in range(5)] == [200, 429, 429, 200, 200]


@pytest.mark.parametrize(("style", "status"), [("body", 200), ("http", 429)])
async def test_the_form_of_throttling_does_not_depend_on_that_of_other_errors(
    style: Literal["body", "http"], status: int
) -> None:
    other: Literal["body", "http"] = "http" if style == "body" else "body"
    app = create_sandbox(Quirks(rate_limit=style, error_style=other))
    assert (await send(app, GET, {"token": SANDBOX_TOKEN})).status_code == status


@pytest.mark.parametrize(("form", "code"), [("number", 200), ("string", "200"), ("missing", None)])
async def test_the_code_of_a_successful_response(form: Any, code: object) -> None:
    app = create_sandbox(Quirks(success_code=form))
    assert [(await get(app)).get("code"), (await login(app)).get("code")] == [code, code]


@pytest.mark.parametrize(("form", "status"), [("body", 200), ("http", 400)])
async def test_the_place_of_an_error_code(form: Any, status: int) -> None:
    response = await send(create_sandbox(Quirks(error_style=form)), GET, {})
    assert (response.status_code, response.json()["code"]) == (status, 400)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("msg", {"error": True, "msg": "Invalid parameters: token"}),
        ("message", {"error": True, "message": "Invalid parameters: token"}),
        ("error", {"error": "Invalid parameters: token"}),
        ("status", {"error": True, "status": "Invalid parameters: token"}),
        ("nested", {"error": True, "msg": {"body": [{"message": "Invalid parameters: token"}]}}),
    ],
)
async def test_the_key_of_an_errors_text(form: Any, text: Answer) -> None:
    response = await send(create_sandbox(Quirks(error_text=form)), GET, {})
    assert response.json() == {"code": 400, **text}


async def test_quirks_may_change_while_it_runs() -> None:
    app = create_sandbox(Quirks(rate_limit="body"))
    assert (await get(app))["code"] == 429
    app.quirks = Quirks()
    assert (await get(app))["code"] == 200
