"""Renewal: once, shared, before the expiry, and never with a rejected password."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import httpx2
import pytest
from httpx2 import ASGITransport
from pydantic import SecretStr

from sign_in import ACCOUNT, DAY, KEPT, NEVER, WITH_PASSWORD, WITH_WRONG_PASSWORD, SignInSetup
from telecmi_mcp import TelecmiError, errors
from telecmi_mcp._auth.credentials import FileStore
from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
from telecmi_mcp._auth.renewing_token import RenewingToken
from telecmi_mcp._auth.resolve import open_saved_sign_ins
from telecmi_mcp.sandbox import SANDBOX_PASSWORD, SANDBOX_TOKEN, Quirks

if TYPE_CHECKING:
    from pathlib import Path

VALID = SecretStr(SANDBOX_TOKEN)


class BlockedSleep:
    """The sleep of a slow login: sets ``reached`` and waits for ``open``."""

    def __init__(self) -> None:
        self.reached, self.open = anyio.Event(), anyio.Event()

    async def __call__(self, _: float) -> None:
        self.reached.set()
        await self.open.wait()


async def test_a_user_id_and_a_password_sign_in_once_at_the_first_call() -> None:
    setup = SignInSetup(None)
    async with setup.app(WITH_PASSWORD) as app:
        assert setup.logins == 0
        for _ in range(3):
            assert len((await app.client.list_contacts()).contacts) == 10
    assert setup.logins == 1


async def test_a_token_that_expired_is_renewed_and_the_call_is_answered(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    async with setup.app(WITH_PASSWORD) as app:
        await app.client.list_contacts()
        setup.clock.now += 31 * DAY
        assert (await app.client.list_contacts()).contacts
    assert setup.logins == 2


async def test_a_revoked_saved_token_is_renewed_and_the_new_one_is_saved(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(NEVER)
    async with setup.app(KEPT) as app:
        assert (await app.client.list_contacts()).contacts
    kept = await setup.kept()
    assert kept is not None
    assert kept.token == SecretStr(setup.sandbox.state.tokens[0])
    assert (kept.issued_at, kept.password) == (setup.clock.now, SecretStr(SANDBOX_PASSWORD))


async def test_without_a_password_no_token_is_renewed_and_the_error_names_the_command(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(NEVER, password=None)
    async with setup.app(KEPT) as app:
        with pytest.raises(errors.TokenRejected, match="telecmi-mcp login in a terminal"):
            await app.client.list_contacts()
    assert setup.logins == 0


async def test_concurrent_calls_share_one_login() -> None:
    setup = SignInSetup(None)
    async with setup.app(WITH_PASSWORD) as app, anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(app.client.list_contacts)
    assert setup.logins == 1


async def test_a_cancelled_call_does_not_cancel_the_login() -> None:
    login = BlockedSleep()
    setup = SignInSetup(None, Quirks(login_seconds=1), sleep=login)
    answered = []

    async with setup.app(WITH_PASSWORD) as app:

        async def call(scope: anyio.CancelScope) -> None:
            with scope:
                answered.append(await app.client.list_contacts())

        first, second = anyio.CancelScope(), anyio.CancelScope()
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call, first)
                await login.reached.wait()
                tasks.start_soon(call, second)
                await anyio.wait_all_tasks_blocked()
                first.cancel()
                await anyio.wait_all_tasks_blocked()
                login.open.set()
    assert (setup.logins, len(answered)) == (1, 1)


@pytest.mark.parametrize(("seconds", "logins"), [(299, 1), (300, 2)])
async def test_a_token_that_is_rejected_within_five_minutes_of_its_login_is_not_renewed(
    seconds: float, logins: int
) -> None:
    setup = SignInSetup(None)
    async with setup.app(WITH_PASSWORD) as app:
        await app.client.list_contacts()
        setup.clock.now += seconds
        setup.sandbox.revoke(setup.sandbox.state.tokens[-1])
        with pytest.raises(errors.TokenRejected) if logins == 1 else nullcontext():
            await app.client.list_contacts()
    assert setup.logins == logins


@pytest.mark.parametrize("seconds", [0, 1, 299])
async def test_a_token_that_is_rejected_just_after_its_login_is_not_renewed_again(seconds: float) -> None:
    setup = SignInSetup(None, Quirks(fresh_token="not_provisioned"))
    async with setup.app(WITH_PASSWORD) as app:
        for _ in range(5):
            with pytest.raises(errors.TokenRejected, match="contacts are enabled"):
                await app.client.list_contacts()
            setup.clock.now += seconds
    assert setup.logins == 1


async def test_a_user_without_contacts_causes_one_login_a_day() -> None:
    setup = SignInSetup(None, Quirks(fresh_token="not_provisioned"))
    async with setup.app(WITH_PASSWORD) as app:
        for _ in range(3 * 24):
            with pytest.raises(errors.TokenRejected):
                await app.client.list_contacts()
            setup.clock.now += DAY / 24
    assert setup.logins == 3


async def test_a_token_that_is_rejected_at_first_works_in_the_next_call() -> None:
    setup = SignInSetup(None, Quirks(fresh_token="refused_at_first"))
    async with setup.app(WITH_PASSWORD) as app:
        with pytest.raises(errors.TokenRejected):
            await app.client.list_contacts()
        assert (await app.client.list_contacts()).contacts
    assert setup.logins == 1


async def test_a_rejected_password_is_not_sent_again_by_this_process_or_the_next(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path, Quirks(lockout_after=2))
    for _ in range(2):
        async with setup.app(WITH_WRONG_PASSWORD) as app:
            for _ in range(3):
                with pytest.raises(errors.PasswordRejected, match="TELECMI_PASSWORD"):
                    await app.client.list_contacts()
                setup.clock.now += 40 * DAY
    assert setup.logins == 1


async def test_a_rejected_password_is_not_sent_again_without_a_state_folder() -> None:
    setup = SignInSetup(None)
    async with setup.app(WITH_WRONG_PASSWORD) as app:
        for _ in range(3):
            with pytest.raises(errors.PasswordRejected):
                await app.client.list_contacts()
    assert setup.logins == 1


async def test_another_password_is_sent(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    async with setup.app(WITH_WRONG_PASSWORD) as app:
        with pytest.raises(errors.PasswordRejected):
            await app.client.list_contacts()
    async with setup.app(WITH_PASSWORD) as app:
        assert (await app.client.list_contacts()).contacts


async def test_a_corrected_password_file_is_used_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text("wrong\n")
    setup = SignInSetup(tmp_path)
    async with setup.app(replace(WITH_PASSWORD, password=None, password_file=path)) as app:
        with pytest.raises(errors.PasswordRejected, match="TELECMI_PASSWORD_FILE"):
            await app.client.list_contacts()
        path.write_text(f"{SANDBOX_PASSWORD}\n")
        assert (await app.client.list_contacts()).contacts
    assert setup.logins == 2


async def test_from_day_25_the_token_is_renewed_in_the_background_of_a_call(tmp_path: Path) -> None:
    login = BlockedSleep()
    setup = SignInSetup(tmp_path, Quirks(login_seconds=1), sleep=login)
    async with setup.app(KEPT) as app:
        await setup.keep(VALID, age_days=25 - 0.001)
        await app.client.list_contacts()
        assert setup.logins == 0
        await setup.keep(VALID, age_days=25)
        with anyio.fail_after(30):
            assert (await app.client.list_contacts()).contacts  # while the login waits
            await login.reached.wait()
            login.open.set()
            while (kept := await setup.kept()) is None or kept.token == VALID:
                await anyio.wait_all_tasks_blocked()
        assert (await app.client.list_contacts()).contacts
        tokens = [request.body["token"] for request in setup.sandbox.state.requests if request.path.endswith("get")]  # type: ignore[index] # JSON objects
    assert (setup.logins, tokens[-1]) == (1, setup.sandbox.state.tokens[0])


async def test_the_old_token_stays_in_use_if_the_early_renewal_fails(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path, Quirks(login_answer="without_token"))
    await setup.keep(VALID, age_days=26)
    async with setup.app(KEPT) as app:
        assert isinstance(app.tokens, RenewingToken)
        assert (await app.client.list_contacts()).contacts
        await _wait_for_renewal(app.tokens)
        for _ in range(5):
            setup.clock.now += 300
            assert (await app.client.list_contacts()).contacts
            assert app.tokens._flight is None
        setup.clock.now += 3600
        assert (await app.client.list_contacts()).contacts
        await _wait_for_renewal(app.tokens)
    assert setup.logins == 2


async def _wait_for_renewal(tokens: RenewingToken) -> None:
    flight = tokens._flight
    assert flight is not None
    with anyio.fail_after(30):
        await flight.done.wait()


async def test_two_processes_of_one_user_share_one_renewal(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(NEVER)
    async with setup.app(KEPT) as one, setup.app(KEPT) as other, anyio.create_task_group() as tasks:
        for app in [one, other] * 3:
            tasks.start_soon(app.client.list_contacts)
    assert setup.logins == 1


async def test_a_token_that_another_process_renewed_is_used(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(NEVER, password=None)
    async with setup.app(KEPT) as app:
        with pytest.raises(errors.TokenRejected):
            await app.client.list_contacts()
        await setup.keep(VALID, password=None)
        assert (await app.client.list_contacts()).contacts
    assert setup.logins == 0


async def test_a_running_server_notices_a_sign_in_and_a_logout(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    async with setup.app(KEPT) as app:
        with pytest.raises(errors.NotSignedIn, match="telecmi-mcp login"):
            await app.client.list_contacts()
        await setup.keep(VALID)
        assert (await app.client.list_contacts()).contacts
        assert await open_saved_sign_ins(tmp_path, time_limit=5).forget(ACCOUNT)
        with pytest.raises(errors.NotSignedIn):
            await app.client.list_contacts()


async def test_a_user_who_is_removed_during_a_renewal_stays_removed(tmp_path: Path) -> None:
    login = BlockedSleep()
    setup = SignInSetup(tmp_path, Quirks(login_seconds=1), sleep=login)
    await setup.keep(NEVER)
    async with setup.app(KEPT) as app, anyio.create_task_group() as tasks:
        tasks.start_soon(app.client.list_contacts)
        await login.reached.wait()
        await open_saved_sign_ins(tmp_path, time_limit=5).forget(ACCOUNT)
        login.open.set()
    assert await setup.kept() is None
    assert await FileStore(tmp_path / "secrets.json").read(ACCOUNT) is None


class FailingLogin(httpx2.AsyncBaseTransport):
    """A sandbox whose login fails with a network error."""

    def __init__(self, setup: SignInSetup, fault: type[httpx2.TransportError]) -> None:
        self._inner = ASGITransport(app=setup.sandbox)
        self._fault = fault
        self.sent = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("login"):
            self.sent += 1
            raise self._fault("hunter2", request=request)
        return await self._inner.handle_async_request(request)


@pytest.mark.parametrize("fault", [httpx2.ReadTimeout, httpx2.ReadError, httpx2.RemoteProtocolError])
async def test_a_login_that_may_have_reached_telecmi_is_not_repeated_at_once(
    fault: type[httpx2.TransportError],
) -> None:
    setup = SignInSetup(None)
    transport = FailingLogin(setup, fault)
    async with setup.app(WITH_PASSWORD, transport=transport) as app:
        for rest in [60, 120, 240]:
            before = transport.sent
            for _ in range(3):
                with pytest.raises(TelecmiError):
                    await app.client.list_contacts()
            assert transport.sent == before + 1
            setup.clock.now += rest


async def test_a_login_without_a_connection_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telecmi_mcp._auth.login.retry_delay_s", lambda *_, **__: 0.0)
    setup = SignInSetup(None)
    transport = FailingLogin(setup, httpx2.ConnectError)
    async with setup.app(WITH_PASSWORD, transport=transport) as app:
        with pytest.raises(errors.Unreachable):
            await app.client.list_contacts()
    assert transport.sent == 3


def only_private_file(folder: Path) -> str:
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_text()


async def test_the_stored_hash_of_a_rejected_password_does_not_reveal_it(tmp_path: Path) -> None:
    password = SecretStr("hunter2")
    await RejectedPasswords(tmp_path).note(ACCOUNT, password)
    await RejectedPasswords(tmp_path).note(ACCOUNT, password)
    text = only_private_file(tmp_path)
    assert "hunter2" not in text
    first, second = text.strip("[]").split(", ")
    assert first != second
    assert await RejectedPasswords(tmp_path).knows(ACCOUNT, password)
    for account in [replace(ACCOUNT, user_id="1_1"), replace(ACCOUNT, base_url="https://other.example")]:
        assert not await RejectedPasswords(tmp_path).knows(account, password)
    await RejectedPasswords(tmp_path).forget(ACCOUNT)
    assert not await RejectedPasswords(tmp_path).knows(ACCOUNT, password)
