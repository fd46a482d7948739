"""The login as pure functions: every form of TeleCMI's answer to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp import errors
from telecmi_mcp._api import protocol

GOOD = {
    "code": 200,
    "msg": "User loged in successfully",
    "token": "0123-4567-89ab-cdef",
    "agent": {"category": "inr", "id": "103_1111112", "inet_no": 1111112, "name": "John Doe"},
}


def read(answer: object, status: int = 200) -> Any:
    return protocol.read_login(status, json.dumps(answer).encode(), secret="hunter2")


def test_the_request_is_the_documented_body() -> None:
    assert protocol.login_request("103_1111112", "p") == {"id": "103_1111112", "password": "p"}


@pytest.mark.parametrize("code", [200, "200", None])
def test_the_documented_answer_gives_the_token_and_the_name(code: object) -> None:
    signed_in = read({**GOOD, "code": code})
    assert (signed_in.token.get_secret_value(), signed_in.name) == (GOOD["token"], "John Doe")
    assert str(GOOD["token"]) not in repr(signed_in)


@pytest.mark.parametrize("agent", [None, [], "John", {}, {"name": None}, {"name": 7}, {"name": "\u200b \n\u2800"}])
def test_an_answer_without_a_name_gives_an_empty_name(agent: object) -> None:
    assert read({**GOOD, "agent": agent}).name == ""


def test_a_hostile_name_is_cleaned_and_holds_no_secret() -> None:
    name = f"A\u202e\x1b[31m hunter2 {GOOD['token']} \ud800"
    assert read({**GOOD, "agent": {"name": name}}).name == "A [removed] [removed] \ufffd"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 407, 409, 420, 423])
@pytest.mark.parametrize("status", [200, None])
def test_every_refusal_counts_as_a_refused_password(code: int, status: int | None) -> None:
    with pytest.raises(errors.PasswordRejected) as caught:
        read({"code": code, "error": True, "msg": "no hunter2"}, status or code)
    assert caught.value.detail == "no [removed]"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("code", "error"), [(408, errors.RateLimited), (429, errors.RateLimited), (500, errors.ServiceFailed)]
)
def test_other_errors_keep_their_class(code: int, error: type[errors.TelecmiError]) -> None:
    with pytest.raises(error):
        read({"code": code})


def test_an_unknown_route_is_not_about_the_password() -> None:
    with pytest.raises(errors.UnexpectedContent):
        protocol.read_login(404, b"<pre>Cannot POST /v2/user/login</pre>")


@pytest.mark.parametrize("token", [None, "", 7, [], "two words", "line\nbreak", "x" * 4097, "\u00fc"])
def test_an_answer_without_a_token_is_unreadable(token: object) -> None:
    with pytest.raises(errors.MalformedResponse, match="without a token"):
        read({**GOOD, "token": token})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_is_a_token_or_one_of_our_errors(value: object) -> None:
    for answer in [value, {"token": value}, {**GOOD, "agent": value}, {**GOOD, "code": value}]:
        try:
            assert read(answer).token.get_secret_value()
        except errors.TelecmiError as error:
            assert len(str(error)) <= 200
