"""Whose contacts a caller reads: those of a sign-in of the caller's own, renewed once for all replicas."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

import anyio
import pytest
from mcp.client import Client
from pydantic import SecretStr

from e2e.lines import PATIENCE
from team.postgres import open_cluster
from team.users import HER, HERS, HIM, HIS, NEVER, House, app, ids
from telecmi_mcp import Settings, create_server, errors
from telecmi_mcp._config.keys import new_key
from telecmi_mcp._index.request import SearchRequest
from telecmi_mcp._team.accounts.credential_sources import CallerCredentials
from telecmi_mcp._team.accounts.credential_store import SharedAccount, TeamSignIns
from telecmi_mcp._team.accounts.membership_cache import MembershipCache
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.db.database import Database
from telecmi_mcp.sandbox import SANDBOX_PASSWORD, Quirks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from telecmi_mcp import App
    from telecmi_mcp._team.accounts.app_pool import Apps


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


@pytest.fixture
async def other_database(database_url: SecretStr) -> AsyncIterator[Database]:
    """What another replica works with: connections of its own."""
    database = Database(database_url)
    database.open()
    yield database
    database.close()


def ids_of(contacts: object) -> set[str]:
    assert isinstance(contacts, list | tuple)
    return {str(each["contact_id"]) for each in contacts}


def words_of(contact: dict[str, str]) -> str:
    return f"{contact['first_name']} {contact['last_name']} {contact['company']}"


async def test_a_caller_without_a_sign_in_reads_who_can_help_and_nothing_else_fails(house: House) -> None:
    async with house.replica() as apps:
        nobody = await app(apps, "mallory")
        assert nobody is await app(apps, "trent")
        for call in (
            nobody.directory.list_contacts(),
            nobody.directory.search(SearchRequest(query="Ann")),
            nobody.directory.get_contact("x"),
        ):
            with pytest.raises(errors.CallerNotSignedIn, match="Ask the administrator of this server"):
                await call
        assert await nobody.account() == ""
        assert not len(await nobody.recall())


async def test_two_callers_never_see_each_others_contacts(house: House) -> None:
    await house.sign_in("ann", HER)
    await house.sign_in("bob", HIM)
    async with house.replica() as apps:
        her, his = await app(apps, "ann"), await app(apps, "bob")
        assert (await ids(her), await ids(his)) == (ids_of(HERS), ids_of(HIS))
        foreign = words_of(dict(HIS[0]))  # type: ignore[arg-type] # invented contacts are texts
        assert not {
            hit.contact.contact_id for hit in (await her.directory.search(SearchRequest(query=foreign))).hits
        } & ids_of(HIS)
        assert ids_of(HIS[:1]) <= {
            hit.contact.contact_id for hit in (await his.directory.search(SearchRequest(query=foreign))).hits
        }
        with pytest.raises(errors.ContactNotFound):
            await her.directory.get_contact(str(HIS[0]["contact_id"]))
        cursor = (await his.directory.list_contacts(limit=10)).page_state
        with pytest.raises(errors.InvalidCursor):
            await her.directory.list_contacts(limit=10, page_state=cursor)


async def test_two_callers_of_one_user_share_an_app_a_token_and_a_login(house: House) -> None:
    await house.sign_in("ann", HER, token=NEVER)
    await house.sign_in("agent", HER, token=NEVER)
    async with house.replica() as apps, anyio.create_task_group() as tasks:
        for name in ["ann", "agent"] * 3:
            tasks.start_soon(ids, await app(apps, name))
        assert await app(apps, "ann") is await app(apps, "agent")
    assert len(house.telecmi.logins) == 1


async def test_callers_of_one_organisation_share_a_directory_and_no_user_can_be_called_like_it(house: House) -> None:
    await house.sign_in("ann", HER, organisation="sales")
    await house.sign_in("bob", HIM, organisation="sales")
    await house.sign_in("eve", HIM, organisation="Sales")
    async with house.replica() as apps:
        one = await app(apps, "ann")
        assert one is await app(apps, "bob")
        assert one is not await app(apps, "eve")
        assert await ids(one) == ids_of(HIS)  # read by whoever signed in last
        assert await one.account() == "http://localhost\n\nsales"


async def nothing(_: int, __: int | None) -> None:
    """Report nothing."""


async def test_callers_of_one_organisation_share_an_index_on_all_replicas_and_no_other_account_does(
    house: House, other_database: Database
) -> None:
    await house.sign_in("ann", HER, organisation="sales")
    await house.sign_in("bob", HER, organisation="sales")
    await house.sign_in("eve", HIM)
    async with house.replica() as one, house.replica(database=other_database) as other:
        await (await app(one, "ann")).directory.sync(nothing)
        await (await app(one, "eve")).directory.sync(nothing)
        reads = house.telecmi.sandboxes[HER].state.request_count
        found = await (await app(other, "bob")).directory.search(SearchRequest(query=words_of(dict(HERS[0]))))  # type: ignore[arg-type] # texts
        assert {hit.contact.contact_id for hit in found.hits} >= ids_of(HERS[:1])
        assert not {hit.contact.contact_id for hit in found.hits} & ids_of(HIS)
        assert house.telecmi.sandboxes[HER].state.request_count - reads <= len(found.hits)  # no pass of its own
    with house.database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM telecmi_mcp.account").fetchone() == (2,)


async def test_an_organisation_is_read_by_another_member_once_a_password_is_refused(house: House) -> None:
    await house.sign_in("ann", HER, organisation="sales")
    await house.sign_in("bob", HIM, organisation="sales")
    house.telecmi.sandboxes[HIM].change_password("another")
    house.clocks.now += 600
    async with house.replica() as apps:
        one = await app(apps, "ann")
        with pytest.raises(errors.PasswordRejected, match="Ask the administrator of this server"):
            await ids(one)
        house.pass_seconds()
        assert await ids(await app(apps, "ann")) == ids_of(HERS)


async def test_replicas_that_meet_a_dead_token_make_one_login_in_all(house: House, other_database: Database) -> None:
    await house.sign_in("ann", HER, token=NEVER)
    async with house.replica() as one, house.replica(database=other_database) as other:
        async with anyio.create_task_group() as tasks:
            for apps in [one, other] * 4:
                tasks.start_soon(ids, await app(apps, "ann"))
        assert len(house.telecmi.logins) == 1
        house.clocks.now += 600
        house.telecmi.revoke(HER)
        async with anyio.create_task_group() as tasks:
            for apps in [other, one] * 4:
                tasks.start_soon(ids, await app(apps, "ann"))
    assert len(house.telecmi.logins) == 2


async def test_a_token_that_another_replica_renewed_is_taken_up_before_the_old_one_is_refused(
    house: House, other_database: Database
) -> None:
    await house.sign_in("ann", HER)
    async with house.replica() as one, house.replica(database=other_database) as other:
        before = await (await app(one, "ann")).tokens.current()
        assert await (await app(other, "ann")).tokens.current() == before
        house.clocks.now += 600
        renewed = await (await app(other, "ann")).tokens.renew(before)
        assert renewed not in {None, before}
        house.pass_seconds()
        assert await (await app(one, "ann")).tokens.current() == renewed
    assert len(house.telecmi.logins) == 2


async def test_a_refused_password_is_sent_once_by_all_replicas_now_and_later(
    house: House, other_database: Database
) -> None:
    await house.sign_in("ann", HER, token=NEVER)
    house.telecmi.sandboxes[HER].change_password("another")

    async def refused(apps: Apps) -> None:
        with pytest.raises(errors.PasswordRejected):
            await ids(await app(apps, "ann"))

    for _ in range(2):
        async with house.replica() as one, house.replica(database=other_database) as other:
            async with anyio.create_task_group() as tasks:
                for apps in [one, other] * 2:
                    tasks.start_soon(refused, apps)
            house.pass_seconds(40 * 86_400)
            await refused(one)
    assert house.telecmi.logins == [SANDBOX_PASSWORD]


async def test_after_a_sign_out_calls_stop_on_every_replica_within_seconds(
    house: House, other_database: Database
) -> None:
    await house.sign_in("ann", HER)
    async with house.replica() as one, house.replica(database=other_database) as other:
        for apps in (one, other):
            assert await ids(await app(apps, "ann"))
        assert await house.sign_ins.forget("ann", "http://localhost")
        assert await ids(await app(one, "ann"))  # so soon it need not be known
        house.pass_seconds()
        for apps in (one, other):
            with pytest.raises(errors.CallerNotSignedIn):
                await ids(await app(apps, "ann"))


async def test_a_sign_in_and_another_account_are_followed_without_a_restart(house: House) -> None:
    async with house.replica() as apps:
        with pytest.raises(errors.CallerNotSignedIn):
            await ids(await app(apps, "ann"))
        for user, contacts in ((HER, HERS), (HIM, HIS)):
            await house.sign_in("ann", user)
            house.pass_seconds()
            assert await ids(await app(apps, "ann")) == ids_of(contacts)


async def test_the_memberships_are_looked_at_once_in_five_seconds_by_all_callers_together(house: House) -> None:
    await house.sign_in("ann", HER)
    membership_cache = MembershipCache(house.sign_ins, "http://localhost", clock=house.clocks.monotonic)
    for seconds in range(1, 12):
        async with anyio.create_task_group() as tasks:
            for _ in range(9):
                tasks.start_soon(membership_cache.account_of, "ann")
        assert membership_cache.refreshes == 1 + (seconds - 1) // 5
        house.pass_seconds(1)


async def test_a_database_that_does_not_answer_keeps_no_known_caller_waiting_for_long(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telecmi_mcp._team.accounts.membership_cache.READ_TIMEOUT_S", 0.1)
    await house.sign_in("ann", HER)
    async with house.replica() as apps:
        first = await app(apps, "ann")
        end = Event()
        monkeypatch.setattr(house.database, "connection", lambda: end.wait(PATIENCE))
        try:
            with anyio.fail_after(PATIENCE):
                for _ in range(9):
                    house.pass_seconds()
                    assert await app(apps, "ann") is first
                with pytest.raises(errors.DatabaseUnavailable, match="holds the TeleCMI sign-ins"):
                    await ids(await app(apps, "bob"))  # who may have signed in meanwhile
        finally:
            end.set()


async def test_an_altered_row_gives_no_one_anothers_contacts(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.sign_in("ann", HER)
    await house.sign_in("bob", HIM)
    with house.database.connection() as connection:  # each gets what the other signs in with
        connection.execute(
            "UPDATE telecmi_mcp.sign_in s SET sealed = o.sealed FROM telecmi_mcp.sign_in o "
            "WHERE o.sign_in_id <> s.sign_in_id"
        )
    async with house.replica() as apps:
        with pytest.raises(errors.CredentialStoreUnusable, match="altered, or belongs to another"):
            await ids(await app(apps, "ann"))
    await house.sign_in("ann", HER)
    await house.sign_in("bob", HIM)
    with house.database.connection() as connection:  # the caller is given another sign-in
        connection.execute(
            "UPDATE telecmi_mcp.caller_sign_in SET sign_in_id = (SELECT sign_in_id FROM telecmi_mcp.caller_sign_in "
            "WHERE caller = 'bob') WHERE caller = 'ann'"
        )
    async with house.replica() as apps:
        with pytest.raises(errors.CredentialStoreUnusable, match="altered, or belongs to another"):
            await ids(await app(apps, "ann"))
        assert await ids(await app(apps, "bob")) == ids_of(HIS)
    assert "a caller's sign-in cannot be used" in caplog.text


async def test_a_server_without_the_key_says_which_setting_lacks_it(house: House) -> None:
    await house.sign_in("ann", HER)
    async with house.replica(replace(house.settings, encryption_keys=SecretStr(new_key()))) as apps:
        with pytest.raises(errors.ConfigurationError, match="add the previous key to TELECMI_ENCRYPTION_KEYS"):
            await ids(await app(apps, "ann"))


async def test_an_app_is_closed_when_it_is_idle_and_opened_again(house: House) -> None:
    await house.sign_in("ann", HER)
    await house.sign_in("bob", HIM)
    async with house.replica() as apps:
        first = await app(apps, "ann")
        house.pass_seconds(600)
        second = await app(apps, "bob")
        house.pass_seconds(300)
        apps.close_idle()  # type: ignore[union-attr] # they are of callers
        assert await app(apps, "ann") is not first
        assert await app(apps, "bob") is second


async def test_an_idle_app_stays_open_while_its_index_is_read(house: House) -> None:
    await house.sign_in("ann", HER)
    async with house.replica() as apps:
        one = await app(apps, "ann")
        house.telecmi.door = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.directory.search, SearchRequest(query="Ann"))
            await house.telecmi.held_back.wait()
            house.pass_seconds(10_000)
            apps.close_idle()  # type: ignore[union-attr] # they are of callers
            assert await app(apps, "ann") is one
            house.telecmi.door.set()


async def test_more_accounts_than_there_is_room_for_are_refused_until_one_is_idle(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telecmi_mcp._team.accounts.app_pool.MAX_APPS", 1)
    await house.sign_in("ann", HER)
    await house.sign_in("bob", HIM)
    async with house.replica() as apps:
        await app(apps, "ann")
        with pytest.raises(errors.CallLimitReached):
            await ids(await app(apps, "bob"))
        house.pass_seconds(60)
        assert await ids(await app(apps, "bob")) == ids_of(HIS)


async def test_a_defect_in_one_accounts_app_ends_neither_the_others_nor_it_for_good(house: House) -> None:
    await house.sign_in("ann", HER)
    await house.sign_in("bob", HIM)

    def fail() -> None:
        raise ZeroDivisionError

    async def failing() -> None:
        fail()

    async with house.replica() as apps:
        broken, other = await app(apps, "ann"), await app(apps, "bob")
        broken.directory._tasks.start_soon(failing)
        await anyio.wait_all_tasks_blocked()
        assert await app(apps, "bob") is other
        assert await ids(await app(apps, "ann")) == ids_of(HERS)


async def test_a_caller_without_a_sign_in_gets_the_list_of_tools_and_a_tools_error(house: House) -> None:
    async with house.replica() as apps:
        nobody = await app(apps, "mallory")

        @asynccontextmanager
        async def opened() -> AsyncIterator[App]:
            yield nobody

        async with Client(create_server(opened)) as client:
            assert (await client.list_tools()).tools
            result = await client.call_tool("list_contacts", {})
    (part,) = result.content
    assert result.is_error
    assert "team sign-in for you" in getattr(part, "text", "")


async def test_a_change_that_the_database_did_not_live_to_tell_is_taken_up_once_it_is_back(
    house: House, unreachable: Database
) -> None:
    before = await house.sign_in("ann", HER, token=NEVER)
    membership_cache = MembershipCache(house.sign_ins, before.account.base_url, clock=house.clocks.monotonic)
    account = await membership_cache.account_of("ann")
    assert isinstance(account, SharedAccount)
    credentials_source = CallerCredentials(house.sign_ins, membership_cache, account, house.secrets)
    first, found = credentials_source.revision(), await credentials_source.read()
    assert found is not None
    credentials_source.sign_ins = TeamSignIns(unreachable, None)
    assert await credentials_source.read() == found
    assert credentials_source.revision() == first  # and so nobody asks again at each call
    house.pass_seconds()
    await membership_cache.account_of("ann")
    assert credentials_source.revision() != first


async def healed(house: House, apps: Apps, name: str) -> set[str]:
    """What a caller reads once the pool has connected again, which it tries after a second, two, four."""
    with anyio.fail_after(60):
        while True:
            house.pass_seconds()
            with suppress(errors.DatabaseUnavailable):
                return await ids(await app(apps, name))


async def test_an_account_is_found_by_its_name_while_callers_read_it(house: House) -> None:
    await house.sign_in("ann", HER, organisation="sales")
    async with house.replica() as apps:
        one = await apps.app_named(lambda name: name.endswith("\nsales"))
        assert one is await app(apps, "ann")
        assert await apps.app_named(lambda name: name.endswith(HIM)) is None
    async with house.replica(replace(house.settings, common=SERVICE, sign_ins="service")) as apps:
        assert await ids(await apps.app_of(""))
        assert await apps.app_named(lambda name: name.endswith(HER)) is await apps.app_of("")
        assert await apps.app_named(lambda name: name.endswith(HIM)) is None


async def test_an_unreachable_database_leaves_the_tokens_at_hand_and_heals() -> None:
    with open_cluster() as cluster, cluster.database() as name:
        database = Database(cluster.url(name))
        database.open()
        try:
            database.migrate()
            house = House(database)
            await house.sign_in("ann", HER)
            await house.sign_in("bob", HIM)
            async with house.replica() as apps:
                assert await ids(await app(apps, "ann"))
                cluster.stop()
                house.pass_seconds()
                assert await ids(await app(apps, "ann")) == ids_of(HERS)
                with pytest.raises(errors.DatabaseUnavailable, match="holds the TeleCMI sign-ins"):
                    await ids(await app(apps, "bob"))
                house.pass_seconds(3600)
                with pytest.raises(errors.DatabaseUnavailable, match="holds the TeleCMI sign-ins"):
                    await ids(await app(apps, "ann"))  # too long unconfirmed
                cluster.start()
                for caller, contacts in (("ann", HERS), ("bob", HIS)):
                    assert await healed(house, apps, caller) == ids_of(contacts)
        finally:
            database.close()


SERVICE = Settings(base_url="http://localhost", user_id=HER, password=SecretStr(SANDBOX_PASSWORD))


async def test_replicas_of_a_service_share_one_login_by_the_database(house: House, other_database: Database) -> None:
    settings = replace(house.settings, common=SERVICE, sign_ins="service")
    async with (
        house.replica(settings) as one,
        house.replica(settings, other_database) as other,
        anyio.create_task_group() as tasks,
    ):
        for apps in [one, other] * 3:
            tasks.start_soon(ids, await apps.app_of(""))
    assert len(house.telecmi.logins) == 1
    found = await house.sign_ins.find(SharedAccount("http://localhost", HER))
    assert found is not None
    assert found.password is None


async def test_a_services_replica_takes_up_the_token_that_another_one_renewed(
    house: House, other_database: Database
) -> None:
    settings = replace(house.settings, common=SERVICE, sign_ins="service")
    async with house.replica(settings) as one, house.replica(settings, other_database) as other:
        for apps in (one, other):
            assert await ids(await apps.app_of("")) == ids_of(HERS)
        house.clocks.now += 600
        house.telecmi.revoke(HER)
        for apps in (one, other):
            assert await ids(await apps.app_of("")) == ids_of(HERS)
    assert len(house.telecmi.logins) == 2


async def test_a_service_goes_on_by_itself_without_its_database(house: House, unreachable: Database) -> None:
    async with house.replica(replace(house.settings, common=SERVICE, sign_ins="service"), unreachable) as apps:
        assert await ids(await apps.app_of("")) == ids_of(HERS)


async def test_without_a_database_or_keys_a_service_signs_in_as_a_desk_does(house: House) -> None:
    async with house.replica(TeamSettings(common=SERVICE)) as apps:
        one = await apps.app_of("")
        assert one is await apps.app_of("")
        assert await ids(one) == ids_of(HERS)
    assert await house.sign_ins.listed() == []


async def test_a_fresh_token_that_is_refused_costs_one_login_on_all_replicas(
    database: Database, other_database: Database
) -> None:
    house = House(database, Quirks(fresh_token="not_provisioned"))
    await house.sign_in("ann", HER, token=NEVER)
    async with house.replica() as one, house.replica(database=other_database) as other:
        for apps in [one, other] * 2:
            with pytest.raises(errors.TokenRejected, match="contacts are enabled"):
                await ids(await app(apps, "ann"))
    assert len(house.telecmi.logins) == 1
