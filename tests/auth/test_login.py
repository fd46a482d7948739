"""Login and renewal under cancellation, clock changes and failures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import httpx2
import pytest
from httpx2 import ASGITransport
from pydantic import SecretStr

from sign_in import ACCOUNT, HERE, KEPT, NEVER, WITH_PASSWORD, SignInSetup
from telecmi_mcp import TelecmiError, errors
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.credentials import Account, Credentials, FileStore, SavedSignIns
from telecmi_mcp._auth.login import Login
from telecmi_mcp._auth.rejected_passwords import FilePasswordHashes, RejectedPasswords
from telecmi_mcp._auth.renewing_token import RenewingToken
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp.sandbox import SANDBOX_PASSWORD, SANDBOX_TOKEN, create_sandbox

if TYPE_CHECKING:
    from pathlib import Path

VALID = SecretStr(SANDBOX_TOKEN)


class SlowWrite:
    """An operation that sets ``started`` and waits for ``finish``."""

    def __init__(self) -> None:
        self.started, self.finish = anyio.Event(), anyio.Event()
        self.is_done = False

    async def __call__(self) -> None:
        self.started.set()
        await self.finish.wait()
        self.is_done = True


class SlowStore:
    """Credentials with an old token, whose write is slow."""

    source = "a store"

    def __init__(self) -> None:
        self.write_slowly = SlowWrite()
        self.written: Credentials | None = None

    def revision(self) -> None:
        return None

    async def read(self) -> Credentials:
        return Credentials(ACCOUNT, NEVER, 0.0, SecretStr("password"), "a store", "an organisation")

    async def write(self, credentials: Credentials) -> None:
        await self.write_slowly()
        self.written = credentials

    def with_hint(self, error: TelecmiError) -> TelecmiError:
        return error


class InstantLogin:
    async def unattended(self, account: Account, password: SecretStr) -> Credentials:
        return Credentials(account, VALID, 1e9, password)


async def test_a_renewed_token_is_stored_although_the_app_closes() -> None:
    store = SlowStore()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tokens = RenewingToken(store, InstantLogin(), tasks=tasks, clock=lambda: 1e9)  # type: ignore[arg-type]  # no network
            tasks.start_soon(tokens.renew, NEVER)
            await store.write_slowly.started.wait()
            tasks.cancel_scope.cancel()
            store.write_slowly.finish.set()
    assert store.written == Credentials(ACCOUNT, VALID, 1e9, SecretStr("password"), "a store", "an organisation")


class SlowNotes(RejectedPasswords):
    """Remembers a rejected password slowly."""

    def __init__(self) -> None:
        super().__init__(None)
        self.note_slowly = SlowWrite()

    async def note(self, account: Account, password: SecretStr) -> None:  # noqa: ARG002 - the signature of its base
        await self.note_slowly()


async def test_a_cancelled_login_still_remembers_a_rejected_password() -> None:
    notes = SlowNotes()
    login = Login(Channel(HERE, transport=ASGITransport(app=create_sandbox())), notes, KnownSecrets())

    async def sign_in() -> None:
        with pytest.raises(errors.PasswordRejected):
            await login.interactive(ACCOUNT, SecretStr("wrong"))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sign_in)
            await notes.note_slowly.started.wait()
            tasks.cancel_scope.cancel()
            notes.note_slowly.finish.set()
    assert notes.note_slowly.is_done


async def test_a_login_hides_its_password_and_its_token_from_the_log() -> None:
    secrets = KnownSecrets()
    channel = Channel(HERE, transport=ASGITransport(app=create_sandbox()))
    login = Login(channel, RejectedPasswords(None), secrets)
    credentials, _ = await login.interactive(ACCOUNT, SecretStr(SANDBOX_PASSWORD))
    assert credentials.token is not None
    assert secrets.hide(f"{SANDBOX_PASSWORD} {credentials.token.get_secret_value()}") == "[removed] [removed]"


async def test_a_token_with_an_issue_time_in_the_future_is_renewed(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(NEVER, age_days=-2)
    async with setup.app(KEPT) as app:
        assert (await app.client.list_contacts()).contacts
    assert setup.logins == 1


class Switchable(httpx2.AsyncBaseTransport):
    """A sandbox whose login fails while ``is_failing``."""

    def __init__(self, setup: SignInSetup) -> None:
        self._inner = ASGITransport(app=setup.sandbox)
        self.is_failing = True
        self.logins = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("login"):
            self.logins += 1
            if self.is_failing:
                raise httpx2.ReadError("broken", request=request)
        return await self._inner.handle_async_request(request)


async def test_the_backoff_of_a_login_ends_if_the_clock_is_set_back() -> None:
    setup = SignInSetup(None)
    transport = Switchable(setup)
    async with setup.app(WITH_PASSWORD, transport=transport) as app:
        for _ in range(2):
            with pytest.raises(errors.ConnectionInterrupted):
                await app.client.list_contacts()
            setup.clock.now -= 1
    assert transport.logins == 2


async def test_a_successful_login_resets_the_backoff() -> None:
    setup = SignInSetup(None)
    transport = Switchable(setup)
    async with setup.app(WITH_PASSWORD, transport=transport) as app:
        with pytest.raises(errors.ConnectionInterrupted):
            await app.client.list_contacts()
        setup.clock.now += 60
        transport.is_failing = False
        await app.client.list_contacts()
        setup.sandbox.revoke(setup.sandbox.state.tokens[-1])
        transport.is_failing = True
        setup.clock.now += 300
        for _ in range(2):
            with pytest.raises(errors.ConnectionInterrupted):
                await app.client.list_contacts()
            setup.clock.now += 60
    assert transport.logins == 4


def test_the_twenty_newest_hashes_of_an_account_stay(tmp_path: Path) -> None:
    hashes = FilePasswordHashes(tmp_path)
    for number in range(21):
        hashes.add(ACCOUNT, str(number))
    assert hashes.read(ACCOUNT) == [str(number) for number in range(1, 21)]


async def test_a_sign_in_in_another_store_removes_the_secret_from_the_first(tmp_path: Path) -> None:
    first, second = FileStore(tmp_path / "first.json"), FileStore(tmp_path / "second.json")
    sign_ins = SavedSignIns(tmp_path, {"first": first, "second": second})
    credentials = Credentials(ACCOUNT, VALID, 1.0, store="first")
    await sign_ins.keep(credentials)
    await sign_ins.keep(replace(credentials, store="second"))
    assert not (tmp_path / "first.json").exists()
    assert await sign_ins.find(HERE) == replace(credentials, store="second")


async def test_other_processes_see_another_revision_after_a_renewal(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    credentials = await setup.keep(NEVER)
    sign_ins = SavedSignIns(tmp_path, {"file": FileStore(tmp_path / "secrets.json")})
    before = sign_ins.revision()
    await sign_ins.update(replace(credentials, token=VALID))
    assert sign_ins.revision() != before
