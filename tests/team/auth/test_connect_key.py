"""`telecmi-mcp connect` in front of a team server that knows its callers by access keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from pydantic import SecretStr

from e2e.lines import PATIENCE, call, environment, started
from team.serving import served
from telecmi_mcp._connect.access_keys import AccessKeys
from telecmi_mcp._connect.endpoint import parse_endpoint
from telecmi_mcp._team.auth.access_keys import add_key

if TYPE_CHECKING:
    from pathlib import Path

    from telecmi_mcp._team.db.database import Database


async def test_the_stored_key_is_the_caller_and_a_new_one_needs_no_restart(
    database: Database, database_url: SecretStr, tmp_path: Path
) -> None:
    with database.connection() as connection:
        key = add_key(connection, "priya")
    variables = {"TELECMI_DATABASE_URL": database_url.get_secret_value(), "TELECMI_CALLERS": "keys"}
    with served("--sandbox", env=environment(**variables)) as server, anyio.fail_after(PATIENCE):
        origin, keys = parse_endpoint(server.url).origin, AccessKeys(tmp_path / "telecmi-mcp")
        async with started("connect", server.url, env=environment(XDG_STATE_HOME=str(tmp_path))) as client:
            await client.shake_hands()  # answered here, as no key is stored yet
            sentences = []
            for each in (None, SecretStr(f"tmk_{'A' * 43}"), key):
                if each is not None:
                    await keys.keep(origin, each, "file")
                answer = (await client.ask(call(1, "list_contacts", limit=1)))["result"]
                sentences.append(answer["content"][0]["text"])
    assert "no access key for the team server is stored" in sentences[0]
    assert "the team server rejected the access key" in sentences[1]
    assert '"contacts":[{' in sentences[2]
