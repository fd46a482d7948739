from typing import Any

import anyio
import pytest

from sandbox_calls import LOGIN, get, login, send
from telecmi_mcp.sandbox import (
    SANDBOX_PASSWORD,
    SANDBOX_TOKEN,
    SANDBOX_USER_ID,
    Quirks,
    Sandbox,
    create_sandbox,
)

DAY = 86_400.0
REFUSED_LOGIN = {
    "code": 404,
    "error": True,
    "msg": "Invalid user id or password, authentication failed",
}
REFUSED_TOKEN = {"code": 404, "error": True, "msg": "Authenticated user record not found"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def _takes(app: Sandbox, token: str) -> bool:
    return bool((await get(app, token=token, limit=1))["code"] == 200)


async def test_a_login_brings_a_token_in_the_documented_form() -> None:
    app = create_sandbox()
    answer = await login(app)
    assert answer == {
        "code": 200,
        "msg": "User loged in successfully",
        "token": app.state.tokens[0],
        "agent": {"category": "inr", "id": SANDBOX_USER_ID, "inet_no": 1111112, "name": "Sandbox User"},
    }
    assert [len(part) for part in answer["token"].split("-")] == [4, 4, 4, 4]
    assert await _takes(app, answer["token"])


async def test_every_login_brings_another_token_and_the_older_ones_live_on() -> None:
    app = create_sandbox()
    tokens = [(await login(app))["token"] for _ in range(3)]
    assert app.state.tokens == tokens
    assert len({SANDBOX_TOKEN, *tokens}) == 4
    assert [await _takes(app, token) for token in (SANDBOX_TOKEN, *tokens)] == [True] * 4


async def test_the_same_seed_brings_the_same_tokens() -> None:
    first, same, other = [(await login(create_sandbox(seed=seed)))["token"] for seed in (1, 1, 2)]
    assert first == same != other


@pytest.mark.parametrize(
    "body",
    [
        {"id": SANDBOX_USER_ID, "password": "wrong"},
        {"id": "104_1111112", "password": SANDBOX_PASSWORD},
        {"id": "", "password": ""},
        {"id": "\ud83d", "password": "\x00"},
    ],
)
async def test_a_wrong_id_or_password_is_http_200_with_code_404(body: dict[str, str]) -> None:
    app = create_sandbox()
    response = await send(app, LOGIN, body)
    assert (response.status_code, response.json()) == (200, REFUSED_LOGIN)
    assert (app.state.login_count, app.state.tokens) == (1, [])


@pytest.mark.parametrize(
    ("body", "name"),
    [({}, "id"), ({"id": 7}, "id"), ({"id": "1_1"}, "password"), ({"id": "1_1", "password": 1}, "password")],
)
async def test_a_login_without_its_two_strings_is_rejected_with_code_400(body: dict[str, object], name: str) -> None:
    response = await send(create_sandbox(), LOGIN, body)
    assert response.json() == {"code": 400, "error": True, "msg": f"Invalid parameters: {name}"}


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("not_found", "Authenticated user record not found"),
        ("failed_to_authenticate", "Failed to authenticate token."),
    ],
)
@pytest.mark.parametrize("code", [404, 401, 403, 407, 420])
async def test_a_token_that_is_not_accepted(form: Any, text: str, code: Any) -> None:
    app = create_sandbox(Quirks(bad_token_text=form, bad_token_code=code))
    for token in ("", "wrong", SANDBOX_TOKEN.upper()):
        assert await get(app, token=token) == {"code": code, "error": True, "msg": text}


@pytest.mark.parametrize("days", [30, 1, 0.5])
async def test_a_token_expires_to_the_second(days: float) -> None:
    clock = Clock()
    app = create_sandbox(Quirks(token_days=days), clock=clock)
    clock.now += 100
    token = (await login(app))["token"]
    clock.now += days * DAY - 1
    assert [await _takes(app, each) for each in (SANDBOX_TOKEN, token)] == [False, True]
    clock.now += 1
    assert await get(app, token=token) == REFUSED_TOKEN
    assert await _takes(app, (await login(app))["token"])


async def test_a_token_lives_30_days_by_default() -> None:
    clock = Clock()
    app = create_sandbox(clock=clock)
    clock.now += 30 * DAY - 1
    assert await _takes(app, SANDBOX_TOKEN)
    clock.now += 1
    assert not await _takes(app, SANDBOX_TOKEN)


async def test_revocation_ends_one_token() -> None:
    app = create_sandbox()
    token = (await login(app))["token"]
    app.revoke(token)
    app.revoke("unknown")
    assert [await _takes(app, each) for each in (SANDBOX_TOKEN, token)] == [True, False]


async def test_another_password_ends_every_token_and_the_old_password() -> None:
    app = create_sandbox()
    token = (await login(app))["token"]
    app.change_password("another")
    assert [await _takes(app, each) for each in (SANDBOX_TOKEN, token)] == [False, False]
    assert await login(app) == REFUSED_LOGIN
    assert await _takes(app, (await login(app, password="another"))["token"])


async def test_after_some_wrong_passwords_the_right_one_is_rejected_until_unlocked() -> None:
    app = create_sandbox(Quirks(lockout_after=3))
    for _ in range(3):
        assert await login(app, password="wrong") == REFUSED_LOGIN
    assert await login(app) == REFUSED_LOGIN
    assert await _takes(app, SANDBOX_TOKEN)
    app.unlock()
    assert (await login(app))["code"] == 200


async def test_only_wrong_passwords_in_a_row_of_the_same_user_lock_out() -> None:
    app = create_sandbox(Quirks(lockout_after=2))
    for password in ("wrong", SANDBOX_PASSWORD, "wrong"):
        await login(app, password=password)
    for _ in range(5):
        await login(app, user_id="104_1111112")
    assert (await login(app))["code"] == 200


async def test_no_account_is_locked_by_default() -> None:
    app = create_sandbox()
    for _ in range(20):
        await login(app, password="wrong")
    assert (await login(app))["code"] == 200


async def test_a_new_token_may_be_rejected_for_its_first_requests() -> None:
    app = create_sandbox(Quirks(fresh_token="refused_at_first", fresh_token_refusals=2))
    for token in [(await login(app))["token"] for _ in range(2)]:
        assert [await _takes(app, token) for _ in range(4)] == [False, False, True, True]
    assert await _takes(app, SANDBOX_TOKEN)


async def test_a_user_without_contacts_has_every_new_token_rejected() -> None:
    clock = Clock()
    app = create_sandbox(Quirks(fresh_token="not_provisioned"), clock=clock)
    token = (await login(app))["token"]
    for _ in range(5):
        assert await get(app, token=token) == REFUSED_TOKEN
        clock.now += DAY


async def test_a_slow_login_waits_by_the_given_sleep() -> None:
    naps: list[float] = []
    asleep, awake = anyio.Event(), anyio.Event()
    answers = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        asleep.set()
        await awake.wait()

    app = create_sandbox(Quirks(login_seconds=12.5), sleep=nap)

    async def sign_in() -> None:
        answers.append(await login(app))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sign_in)
            await asleep.wait()
            assert (app.state.login_count, app.state.tokens) == (1, [])
            assert await _takes(app, SANDBOX_TOKEN)  # others are served meanwhile
            awake.set()
    assert answers[0]["token"] == app.state.tokens[0]
    assert naps == [12.5]


async def test_a_login_does_not_wait_by_default() -> None:
    async def nap(_: float) -> None:
        pytest.fail("waited")

    assert (await login(create_sandbox(sleep=nap)))["code"] == 200


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        ("documented", {"code", "msg", "token", "agent"}),
        ("without_agent", {"code", "msg", "token"}),
        ("without_token", {"code", "msg", "agent"}),
    ],
)
async def test_the_fields_of_a_successful_login(form: Any, keys: set[str]) -> None:
    assert set(await login(create_sandbox(Quirks(login_answer=form)))) == keys
