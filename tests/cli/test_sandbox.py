"""Tests that the sandbox shows credentials that work, and plays each fault."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from paths import ROOT
from sandbox_calls import GET, get, login, send, walk
from telecmi_mcp._cli import main
from telecmi_mcp._cli.server.sandbox_faults import FAULTS, play_faults
from telecmi_mcp.sandbox import Quirks, Sandbox, create_sandbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def faulty(*names: str, **options: Any) -> Sandbox:
    sandbox = create_sandbox(**options)
    play_faults(sandbox, names)
    return sandbox


async def is_refused_until_a_login(sandbox: Sandbox) -> bool:
    token = (await login(sandbox))["token"]
    return ((await get(sandbox))["code"], (await get(sandbox, token=token))["code"]) == (404, 200)


async def is_refused_after_a_login(sandbox: Sandbox) -> bool:
    token = (await login(sandbox))["token"]
    return [(await get(sandbox, token=each))["code"] for each in (token, token)] == [404, 404]


async def is_locked(sandbox: Sandbox) -> bool:
    return ((await login(sandbox))["code"], (await get(sandbox))["code"]) == (404, 200)


async def statuses(sandbox: Sandbox) -> list[int]:
    return [(await send(sandbox, GET, {"token": "x"})).status_code for _ in range(4)]


async def is_throttled(sandbox: Sandbox) -> bool:
    answer = await send(faulty("429"), GET, {"token": "x"})
    return (answer.headers["retry-after"], await statuses(sandbox)) == ("2", [429, 429, 429, 200])


async def is_unavailable(sandbox: Sandbox) -> bool:
    return await statuses(sandbox) == [503, 503, 503, 200]


async def has_an_empty_page(sandbox: Sandbox) -> bool:
    return 0 in [len(page["contacts"]) for page in await walk(sandbox, limit=50)]


async def has_short_pages(sandbox: Sandbox) -> bool:
    return len((await get(sandbox, limit=50))["contacts"]) < 50


async def has_no_end(sandbox: Sandbox) -> bool:
    return len(await walk(sandbox, limit=100, at_most=20)) == 20


async def has_no_count(sandbox: Sandbox) -> bool:
    return "count" not in await get(sandbox)


async def has_a_drifting_count(sandbox: Sandbox) -> bool:
    return [page["count"] for page in await walk(sandbox, limit=100)] == [150, 151]


async def has_a_contact_without_an_id(sandbox: Sandbox) -> bool:
    return "contact_id" not in (await get(sandbox))["contacts"][1]


PROOFS: dict[str, Callable[[Sandbox], Awaitable[bool]]] = {
    "expired-token": is_refused_until_a_login,
    "not-provisioned": is_refused_after_a_login,
    "locked": is_locked,
    "429": is_throttled,
    "503": is_unavailable,
    "empty-pages": has_an_empty_page,
    "short-pages": has_short_pages,
    "endless-pages": has_no_end,
    "no-count": has_no_count,
    "wrong-count": has_a_drifting_count,
    "malformed": has_a_contact_without_an_id,
}


@pytest.mark.parametrize("name", PROOFS)
async def test_a_fault_is_played_and_without_it_there_is_none(name: str) -> None:
    assert await PROOFS[name](faulty(name))
    assert not await PROOFS[name](create_sandbox())


async def test_a_slow_telecmi_waits_before_each_answer() -> None:
    waited = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    await get(faulty("slow", sleep=sleep))
    await get(faulty(sleep=sleep))
    assert waited == [5]


def test_every_fault_is_tried() -> None:
    assert PROOFS.keys() | {"slow"} == FAULTS.keys()


def test_faults_are_combined() -> None:
    assert faulty("no-count", "malformed", "short-pages").quirks == Quirks(
        count="missing", malformed_contact="no_id", page_size="short"
    )


async def test_what_the_sandbox_prints_works(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Sandbox] = []

    class Server:
        def __init__(self, config: Any) -> None:
            served.append(config.app)

        def run(self, *, sockets: list[Any]) -> None:
            sockets[0].close()

    monkeypatch.setattr("uvicorn.Server", Server)
    assert main(["sandbox", "--port", "0", "--fault", "expired-token"]) == 0
    shown = capsys.readouterr().out
    assert "It plays: expired-token." in shown
    (user_id, password), (token,) = (
        re.findall(r"sign in as (\S+) with the password ([^\s:]+)", shown)[0],
        {*re.findall(r'"token":"([^"]+)"', shown)},
    )
    (sandbox,) = served
    assert (await login(sandbox, user_id=user_id, password=password))["code"] == 200
    assert (await get(sandbox, token=token))["code"] == 404
    assert (await get(create_sandbox(), token=token))["code"] == 200


def test_an_unknown_fault_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sandbox", "--fault", "expired"])
    said = capsys.readouterr().err
    assert all(name in said for name in FAULTS)


def test_the_page_names_every_fault() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf8").split("## The sandbox\n")[1].split("```")[0]
    assert re.findall(r"`([a-z0-9-]+)`", page.split("describes them:")[1]) == list(FAULTS)
