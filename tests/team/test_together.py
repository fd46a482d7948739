"""All parts together, through nginx: other people's clients, callers who try each other's things, no secret told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from secret_encodings import encodings_of

from team.house import House, opened_house
from team.programs import ENVIRONMENT, PROGRAMS, needs_programs
from team.telecmi import user
from telecmi_mcp._mcp.tools.registry import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_types import CallToolResult

    from team.telecmi import User

NAMES = [tool.name for tool in TOOLS]
CLIENTS = Path(__file__).parents[1] / "clients"
PATIENCE = 120
AMAL, BINA, CHAN, DEVI, ESHA = USERS = [
    user(name, 101 + at) for at, name in enumerate(("amal", "bina", "chan", "devi", "esha"))
]
JOHN = AMAL.contacts[0]["contact_id"]  # TeleCMI's sample, whom everybody has
AWAY = "search is unavailable because the server's database is unreachable"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One stage for all tests here; each caller has a TeleCMI sign-in, and so a mirror, of its own."""
    with opened_house(tmp_path_factory.mktemp("together"), *USERS) as house:
        yield house


def play(house: House, someone: User, sdk: str, era: str, folder: Path) -> dict[str, Any]:
    """Run the TypeScript SDK's client and return what it saw."""
    (folder / "node_modules").symlink_to(PROGRAMS)  # where Node looks for what a program imports
    (folder / "typescript.mjs").write_bytes((CLIENTS / "typescript.mjs").read_bytes())
    env = {
        **ENVIRONMENT,
        "HOME": str(folder),
        "NODE_EXTRA_CA_CERTS": str(house.stage.certificate),
        "TELECMI_TEST_KEY": house.keys[someone.name],
    }
    words = ["node", "typescript.mjs", sdk, era, "team", house.stage.url, f"{house.telecmi}/{someone.name}"]
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@needs_programs
@pytest.mark.parametrize(
    ("someone", "sdk", "era"), [(AMAL, "v1", "legacy"), (BINA, "v2", "legacy"), (CHAN, "v2", "modern")]
)
def test_typescripts_client_does_through_nginx_what_it_does_over_stdio(
    someone: User, sdk: str, era: str, house: House, tmp_path: Path
) -> None:
    seen = play(house, someone, sdk, era, tmp_path)
    assert seen["progress"][0] == [100, 150, "contacts read"]  # TeleCMI did not go on before it was told
    ids = [contact["contact_id"] for page in seen["pages"] for contact in page["contacts"]]
    assert ids == [contact["contact_id"] for contact in someone.contacts]
    assert seen["contact"]["structured"]["contact_id"] == JOHN
    assert JOHN in [match["contact_id"] for match in seen["found"]["structured"]["matches"]]
    assert seen["refused"]["text"].startswith("Invalid contact_id")
    if era == "modern":
        assert (seen["outcome"], seen["after"]) == ("given up", seen["meanwhile"])


@needs_programs
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_mcp_remote_passes_answers_and_errors_on_as_they_are(mode: str, house: House, tmp_path: Path) -> None:
    # docs/frameworks.md has a row for it. A header in a file keeps the key out of the arguments of its process.
    headers = tmp_path / "headers"
    headers.write_text(f"Authorization: Bearer {house.keys[AMAL.name]}\n", encoding="utf8")
    bridge = StdioServerParameters(
        command="node",
        args=[str(PROGRAMS / ".bin" / "mcp-remote"), house.stage.url, "--header-file", str(headers)],
        env={**ENVIRONMENT, "HOME": str(tmp_path), "NODE_EXTRA_CA_CERTS": str(house.stage.certificate)},
    )
    calls: list[tuple[str, dict[str, Any]]] = [("list_contacts", {"limit": 10}), ("get_contact", {"contact_id": "x"})]
    with anyio.fail_after(PATIENCE):
        async with Client(stdio_client(bridge), mode=mode) as bridged, house.client(AMAL) as direct:
            assert bridged.protocol_version == ("2025-11-25" if mode == "legacy" else mode)
            assert [tool.name for tool in (await bridged.list_tools()).tools] == NAMES
            for name, arguments in calls:
                through, straight = await bridged.call_tool(name, arguments), await direct.call_tool(name, arguments)
                assert through.content == straight.content
                assert through.structured_content == straight.structured_content
                assert through.is_error == straight.is_error


async def go_on(house: House, someone: User) -> None:
    """Let TeleCMI give the rest of this user's contacts to the mirror."""
    async with httpx2.AsyncClient(trust_env=False) as web:
        await web.get(f"{house.telecmi}/{someone.name}/told")


async def facts(client: Client, tool: str, **arguments: object) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


@pytest.mark.parametrize(("someone", "mode"), [(DEVI, "legacy"), (ESHA, "2026-07-28")])
async def test_the_sdks_client_gets_searches_and_pages_through_nginx(someone: User, mode: str, house: House) -> None:
    wanted = someone.contacts[7]
    await go_on(house, someone)
    async with house.client(someone, mode) as client:
        assert (await client.list_tools()).tools
        contact = await facts(client, "get_contact", contact_id=wanted["contact_id"])
        found = await facts(client, "search_contacts", query=f"{wanted['first_name']} {wanted['last_name']}")
        pages = [await facts(client, "list_contacts", limit=60)]
        while pages[-1]["has_more"]:
            pages.append(await facts(client, "list_contacts", limit=60, page_state=pages[-1]["page_state"]))
    assert contact["first_name"] == wanted["first_name"]
    assert wanted["contact_id"] in [match["contact_id"] for match in found["matches"]]
    ids = [contact["contact_id"] for page in pages for contact in page["contacts"]]
    assert ids == [contact["contact_id"] for contact in someone.contacts]


def said(result: CallToolResult) -> str:
    return "".join(getattr(part, "text", "") for part in result.content)


async def test_nothing_of_one_caller_is_there_for_another(house: House) -> None:
    hers = {contact["contact_id"] for contact in ESHA.contacts} - {JOHN}
    her_contact = next(contact for contact in ESHA.contacts[100:] if contact["email_id"])
    her_id = her_contact["contact_id"]
    await go_on(house, ESHA)
    await go_on(house, DEVI)
    async with house.client(ESHA) as esha, house.client(DEVI) as devi:
        for _ in range(4):  # the same at both replicas, whoever was asked before
            assert (await facts(esha, "get_contact", contact_id=her_id))["contact_id"] == her_id
            refused = await devi.call_tool("get_contact", {"contact_id": her_id})
            assert refused.is_error
            found = await facts(devi, "search_contacts", query=her_contact["email_id"])
            assert not {match["contact_id"] for match in found["matches"]} & hers
            page = await facts(esha, "list_contacts", limit=10)
            turned = await devi.call_tool("list_contacts", {"limit": 10, "page_state": page["page_state"]})
            assert not [each for each in hers if each in said(turned)]
            with pytest.raises(MCPError):
                await devi.read_resource(f"telecmi://contacts/{her_id}")


async def test_a_key_that_was_not_given_out_opens_nothing(house: House) -> None:
    key = house.keys[DEVI.name]
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    head = {"Accept": "application/json, text/event-stream"}
    for forged in (key[:-1] + ("A" if key[-1] != "A" else "B"), "tmk_" + "A" * 43, DEVI.token, DEVI.password):
        async with house.web(forged) as web:
            answer = await web.post(house.stage.url, json=body, headers=head)
        assert answer.status_code == 401
        assert "Bearer" in answer.headers["WWW-Authenticate"]
        house.stage.note(answer.text, str(answer.headers))


async def test_while_the_database_is_unreachable_get_and_list_work_and_search_says_so(house: House) -> None:
    async with house.client(ESHA) as client:
        for _ in range(4):  # so that each replica knows her
            await facts(client, "get_contact", contact_id=JOHN)
        await anyio.to_thread.run_sync(house.stage.cluster.stop)
        try:
            for _ in range(2):
                assert (await facts(client, "get_contact", contact_id=JOHN))["contact_id"] == JOHN
                assert (await facts(client, "list_contacts", limit=5))["contacts"]
                told = await client.call_tool("search_contacts", {"query": "John"})
                assert told.is_error
                assert AWAY in said(told)
                house.stage.note(said(told))
        finally:
            await anyio.to_thread.run_sync(house.stage.cluster.start)
        await heals(client)


async def heals(client: Client) -> None:
    """Return once search works again; nothing but time is needed for that."""
    is_away = True
    with anyio.fail_after(PATIENCE):
        while is_away:
            is_away = (await client.call_tool("search_contacts", {"query": "John"})).is_error
            await anyio.sleep(0.1)


def test_no_secret_is_in_anything_that_was_written(house: House) -> None:
    """The last test: it stops the replicas, so that all has been written."""
    lines = "".join(Path(f"/proc/{each.pid}/cmdline").read_text(encoding="utf8") for each in house.stage.replicas)
    assert [replica.stop() for replica in house.stage.replicas] == [0, 0]
    dump = house.stage.cluster.dump(house.stage.name)
    logs, measured = house.stage.written(), house.collector.written()
    assert "COPY telecmi_mcp.access_key" in dump
    assert '"tool": "search_contacts"' in logs
    assert "telecmi_mcp.calls" in measured
    for secret in house.secrets:
        for song in (*encodings_of(secret), secret.encode().hex()):
            assert song not in dump
            assert song not in logs
            assert song not in measured
            assert song not in lines
    # Nor is anything of a contact in logs, spans and metrics.
    for contact in ESHA.contacts:
        for fact in (contact["email_id"], contact["phone_no"]):
            assert not fact or fact not in logs + measured
