"""Two callers of a team server whose TeleCMI sends more than it was asked for: nobody gets another's contacts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from pydantic import SecretStr

from hostile import AFTER_THE_NEXT_REQUEST, LATE, TRICKS, HostileTelecmi, contacts_of, owner_of
from team.users import app
from telecmi_mcp import Settings
from telecmi_mcp._auth.credentials import Account, Credentials
from telecmi_mcp._config.keys import new_key
from telecmi_mcp._team.accounts.app_pool import open_apps
from telecmi_mcp._team.accounts.credential_store import TeamSignIns
from telecmi_mcp._team.accounts.encryption import open_vault
from telecmi_mcp._team.config.settings import TeamSettings

if TYPE_CHECKING:
    from telecmi_mcp._team.db.database import Database

CALLERS = {"ann": "token-of-ann", "bob": "token-of-bob", "eve": "refused-of-eve"}  # who needs a login


@pytest.mark.parametrize(
    "trick", [*TRICKS.values(), AFTER_THE_NEXT_REQUEST], ids=[*TRICKS.keys(), "after the next request"]
)
async def test_callers_of_a_team_get_their_own_contacts_whatever_telecmi_sends_besides(
    trick: Any, database: Database
) -> None:
    # Hers takes several requests at once: what comes late cannot be told from the answer to the next.
    callers = {name: token for name, token in CALLERS.items() if name != "eve" or trick not in LATE}
    async with HostileTelecmi(trick).listening() as telecmi:
        settings = TeamSettings(
            common=Settings(base_url=telecmi.url, index="memory"),
            sign_ins="callers",
            encryption_keys=SecretStr(new_key()),
        )
        sign_ins = TeamSignIns(database, open_vault(settings))
        for name, token in callers.items():
            password = SecretStr("invented")
            await sign_ins.keep(
                name, Credentials(Account(telecmi.url, name), SecretStr(token), time.time() - 86_400, password)
            )
        with anyio.fail_after(60):
            async with open_apps(settings, database) as apps:
                for _ in range(4):
                    for name in callers:
                        await _read(await app(apps, name), name, telecmi)
        owners = [{owner_of(token) for token in tokens} for tokens in telecmi.tokens_of.values()]
        assert all(len(each) <= 1 for each in owners), "no two accounts on a connection"
        assert telecmi.logins == ("eve" in callers)
        assert ({"eve"} in telecmi.tokens_of.values()) == ("eve" in callers), "a login has a connection of its own"


async def _read(app: Any, name: str, telecmi: HostileTelecmi) -> None:
    token = f"token-of-{name}"
    theirs = {each["contact_id"] for each in contacts_of(token)}
    if telecmi.trick is not AFTER_THE_NEXT_REQUEST:  # where an answer may be the one to an earlier request of one's own
        assert (await app.directory.get_contact(min(theirs))).company == owner_of(token)
        await telecmi.settled()
    listed = (await app.directory.list_contacts(limit=10)).contacts
    await telecmi.settled()
    assert {each.company for each in listed} == {owner_of(token)}
    assert {each.contact_id for each in listed} == theirs
