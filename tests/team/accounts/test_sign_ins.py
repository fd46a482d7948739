"""What is kept of callers' sign-ins: encrypted, bound to its row, shared where it is the same user's, and forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest
from psycopg import sql
from pydantic import SecretStr
from secret_encodings import encodings_of

from team.users import HER, HERE, HIM, House
from telecmi_mcp._auth.credentials import Account, Credentials
from telecmi_mcp._config.keys import new_key
from telecmi_mcp._team.accounts.credential_store import SharedAccount, TeamSignIns
from telecmi_mcp._team.accounts.login_locks import LoginLocks, SharedPasswordHashes
from telecmi_mcp.errors import ConfigurationError, CredentialStoreUnusable, DatabaseUnavailable, DeadlineExceeded

if TYPE_CHECKING:
    from team.postgres import Cluster
    from telecmi_mcp._team.db.database import Database

TOKEN, PASSWORD = SecretStr("to/ken+sings=8Zx3-Wd7f"), SecretStr("pass word/ä+sings=5Kq1")
HERS = Credentials(Account(HERE, HER), TOKEN, 1_700_000_000.0, PASSWORD)
HIS = replace(HERS, account=Account(HERE, HIM), token=SecretStr("his-token"), password=None)
HER_ACCOUNT, HIS_ACCOUNT = SharedAccount(HERE, HER), SharedAccount(HERE, HIM)


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


def rows(database: Database, table: str) -> int:
    with database.connection() as connection:
        name = sql.Identifier("telecmi_mcp", table)
        (count,) = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone() or (-1,)
    return int(count)


async def test_what_was_kept_is_found_and_a_dump_of_the_database_holds_no_secret(
    cluster: Cluster, database_url: SecretStr, house: House
) -> None:
    await house.sign_ins.keep("ann", HERS)
    await house.sign_ins.keep("bob", replace(HIS, organisation="sales"))
    SharedPasswordHashes(house.database, is_needed=True).add(HERS.account, "salt:hash")
    found = await house.sign_ins.find(HER_ACCOUNT)
    assert found == replace(HERS, store="the server's database")
    dump = cluster.dump(database_url.get_secret_value().rpartition("/")[2])
    assert "ann" in dump
    assert HER in dump
    keys = house.settings.encryption_keys
    assert keys is not None
    for secret in (TOKEN, PASSWORD, keys, SecretStr("his-token")):
        for song in encodings_of(secret.get_secret_value()):
            assert song not in dump
            assert song.encode().hex() not in dump


async def test_one_users_row_is_shared_and_forgotten_with_its_last_caller(house: House) -> None:
    for caller in ("ann", "agent"):
        await house.sign_ins.keep(caller, HERS)
    SharedPasswordHashes(house.database, is_needed=True).add(HERS.account, "salt:hash")
    assert rows(house.database, "sign_in") == 1
    assert await house.sign_ins.forget("ann", HERE)
    assert await house.sign_ins.find(HER_ACCOUNT) is not None
    assert await house.sign_ins.forget("agent", HERE)
    assert await house.sign_ins.find(HER_ACCOUNT) is None
    assert not await house.sign_ins.forget("agent", HERE)
    assert [rows(house.database, table) for table in ("sign_in", "caller_sign_in", "refused_password")] == [0, 0, 0]


async def test_a_caller_who_signs_in_as_another_leaves_nothing_of_the_first(house: House) -> None:
    await house.sign_ins.keep("ann", HERS)
    await house.sign_ins.keep("ann", HIS)
    assert await house.sign_ins.find(HER_ACCOUNT) is None
    (listed,) = await house.sign_ins.listed()
    assert (listed.caller, listed.user_id, listed.organisation, listed.renews) == ("ann", HIM, "", False)


async def test_a_renewal_of_what_was_forgotten_meanwhile_keeps_nothing(house: House) -> None:
    await house.sign_ins.keep("ann", HERS)
    await house.sign_ins.forget("ann", HERE)
    await house.sign_ins.update(HERS)
    assert await house.sign_ins.find(HER_ACCOUNT) is None


async def test_callers_at_two_telecmis_are_apart(house: House) -> None:
    elsewhere = replace(HIS, account=Account("https://other.example", HIM))
    await house.sign_ins.keep("ann", HERS)
    await house.sign_ins.keep("ann", elsewhere)
    assert [each.account for each in await house.sign_ins.memberships(HERE)] == [HER_ACCOUNT]
    assert await house.sign_ins.forget("ann", "https://other.example")
    assert await house.sign_ins.find(HER_ACCOUNT) is not None


async def test_swapped_rows_are_noticed(house: House) -> None:
    await house.sign_ins.keep("ann", HERS)
    await house.sign_ins.keep("bob", HIS)
    with house.database.connection() as connection:
        connection.execute(
            "UPDATE telecmi_mcp.sign_in s SET sealed = o.sealed FROM telecmi_mcp.sign_in o "
            "WHERE o.sign_in_id <> s.sign_in_id"
        )
    for account in (HER_ACCOUNT, HIS_ACCOUNT):
        with pytest.raises(CredentialStoreUnusable, match="altered, or belongs to another"):
            await house.sign_ins.find(account)


@pytest.mark.parametrize(
    "change",
    [
        b"UPDATE telecmi_mcp.caller_sign_in SET caller = 'mallory'",
        b"UPDATE telecmi_mcp.caller_sign_in SET organisation = 'sales'",
        b"UPDATE telecmi_mcp.sign_in SET user_id = '103_3333'",
        b"UPDATE telecmi_mcp.caller_sign_in SET bond = ''",
        b"UPDATE telecmi_mcp.caller_sign_in SET bond = overlay(bond placing 'some-key' from 2)",
    ],
)
async def test_whoever_writes_into_the_database_cannot_give_a_caller_another_account(
    house: House, change: bytes
) -> None:
    await house.sign_ins.keep("ann", HERS)
    assert [each.fault for each in await house.sign_ins.memberships(HERE)] == [None]
    with house.database.connection() as connection:
        connection.execute(change)
    assert all(each.fault for each in await house.sign_ins.memberships(HERE))


async def test_keys_are_rotated_while_replicas_run(house: House) -> None:
    old = house.settings.encryption_keys
    assert old is not None
    new = new_key()
    await house.sign_ins.keep("ann", HERS)
    await house.sign_ins.keep("bob", HIS)
    with pytest.raises(ConfigurationError, match="add the previous key to TELECMI_ENCRYPTION_KEYS"):
        await house.with_keys(new).find(HER_ACCOUNT)
    both = house.with_keys(new, old.get_secret_value())
    assert await both.find(HER_ACCOUNT) is not None
    assert await both.rekey() == 2
    assert await both.rekey() == 0
    only_new = house.with_keys(new)
    found = await only_new.find(HER_ACCOUNT)
    assert found is not None
    assert found.password == PASSWORD
    assert not any(each.fault for each in await only_new.memberships(HERE))
    with pytest.raises(ConfigurationError):
        await house.sign_ins.find(HER_ACCOUNT)


async def test_a_rotation_without_the_old_key_changes_nothing(house: House) -> None:
    await house.sign_ins.keep("ann", HERS)
    with pytest.raises(ConfigurationError):
        await house.with_keys(new_key()).rekey()
    assert await house.sign_ins.find(HER_ACCOUNT) is not None


async def test_listing_and_signing_out_need_no_key(house: House) -> None:
    await house.sign_ins.keep("ann", replace(HERS, organisation="sales"))
    without = TeamSignIns(house.database, None)
    assert [each.organisation for each in await without.listed()] == ["sales"]
    with pytest.raises(ConfigurationError, match="Set TELECMI_ENCRYPTION_KEYS"):
        await without.find(SharedAccount(HERE, organisation="sales"))
    assert await without.forget("ann", HERE)


async def test_every_change_raises_the_revision(house: House) -> None:
    seen = [await house.sign_ins.revision()]
    await house.sign_ins.keep("ann", HERS)
    seen.append(await house.sign_ins.revision())
    await house.sign_ins.update(HERS)
    seen.append(await house.sign_ins.revision())
    await house.sign_ins.forget("ann", HERE)
    seen.append(await house.sign_ins.revision())
    assert seen == sorted(set(seen))


async def test_changes_at_the_same_time_wait_for_each_other(house: House) -> None:
    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(house.sign_ins.keep, f"caller {number}", [HERS, HIS][number % 2])
            tasks.start_soon(house.sign_ins.update, HERS)
    assert rows(house.database, "sign_in") == 2
    assert len(await house.sign_ins.listed()) == 8


async def test_one_login_of_an_account_at_a_time_and_another_accounts_beside_it(house: House) -> None:
    napping = anyio.Event()

    async def nap(_: float) -> None:
        napping.set()
        await anyio.lowlevel.checkpoint()

    one = LoginLocks(house.database, timeout=30, is_needed=True)
    other = LoginLocks(house.database, timeout=30, is_needed=True, sleep=nap)
    order = []

    async def wait_for_it() -> None:
        async with other.held(HERS.account):
            order.append("other")

    async with anyio.create_task_group() as tasks, one.held(HERS.account), other.held(HIS.account):
        tasks.start_soon(wait_for_it)
        await napping.wait()
        order.append("one")
    assert order == ["one", "other"]


async def test_a_login_that_never_ends_is_not_waited_for_longer_than_a_call_may_last(house: House) -> None:
    first = LoginLocks(house.database, timeout=30, is_needed=True)
    second = LoginLocks(house.database, timeout=0.01, is_needed=True)
    async with first.held(HERS.account):
        with pytest.raises(DeadlineExceeded):
            await second.held(HERS.account).__aenter__()


async def test_without_its_database_a_service_signs_in_and_callers_do_not(unreachable: Database) -> None:
    for is_needed in (True, False):
        marks = SharedPasswordHashes(unreachable, is_needed=is_needed)
        locks = LoginLocks(unreachable, timeout=5, is_needed=is_needed)
        if is_needed:
            with pytest.raises(DatabaseUnavailable, match="Try again in a minute"):
                marks.read(HERS.account)
            with pytest.raises(DatabaseUnavailable, match="Try again in a minute"):
                async with locks.held(HERS.account):
                    pass
        else:
            assert marks.read(HERS.account) == []
            async with locks.held(HERS.account):
                pass


async def test_only_the_last_twenty_marks_of_an_account_are_kept(house: House) -> None:
    marks = SharedPasswordHashes(house.database, is_needed=True)
    for number in range(25):
        marks.add(HERS.account, f"mark {number}")
    marks.add(HIS.account, "his")
    assert marks.read(HERS.account) == [f"mark {number}" for number in range(5, 25)]
    marks.forget(HERS.account)
    assert (marks.read(HERS.account), marks.read(HIS.account)) == ([], ["his"])
