import base64
from typing import Literal

import pytest

from sandbox_calls import get, walk
from telecmi_mcp.sandbox import Quirks, create_sandbox, make_contacts


@pytest.mark.parametrize("text", ["\ud83d", "\x00", "é", "x" * 90_000])
@pytest.mark.parametrize("form", ["hex", "base64", "long"])
async def test_odd_text_in_a_token_or_cursor_is_rejected(text: str, form: Literal["hex", "base64", "long"]) -> None:
    app = create_sandbox(Quirks(cursor_form=form, token_echo="error_text"))
    assert (await get(app, token=text))["code"] == 404
    assert (await get(app, page_state=text))["code"] == 400


@pytest.mark.parametrize("form", ["hex", "base64", "long"])
async def test_a_changed_cursor_is_rejected(
    form: Literal["hex", "base64", "long"],
) -> None:
    app = create_sandbox(Quirks(cursor_form=form))
    cursor = (await get(app, limit=10))["page_state"]
    spots = range(0, len(cursor), max(1, len(cursor) // 60))
    bent = [cursor[:spot] + ("0" if cursor[spot] != "0" else "1") + cursor[spot + 1 :] for spot in spots]
    bent += ["", cursor[:-1], cursor[:-2], cursor + "00", f" {cursor}", cursor.swapcase(), cursor[:40]]
    assert {(await get(app, limit=10, page_state=text))["code"] for text in bent} == {400}
    assert (await get(app, limit=10, page_state=cursor))["code"] == 200


async def test_a_cursor_is_valid_for_its_own_limit_only() -> None:
    app = create_sandbox()
    cursor = (await get(app, limit=10))["page_state"]
    assert [(await get(app, limit=limit, page_state=cursor))["code"] for limit in (10, 11, 100)] == [
        200,
        400,
        400,
    ]
    assert (await get(app, page_state=cursor))["code"] == 200  # 10 is also the default


async def test_cursors_survive_a_restart_with_the_same_seed_only() -> None:
    cursor = (await get(create_sandbox(seed=5)))["page_state"]
    again = await get(create_sandbox(seed=5), page_state=cursor)
    assert again["contacts"] == make_contacts(20, seed=5)[10:]
    assert (await get(create_sandbox(seed=6), page_state=cursor))["code"] == 400


async def test_cursors_can_be_forgotten() -> None:
    app = create_sandbox()
    cursor = (await get(app))["page_state"]
    app.forget_cursors()
    assert (await get(app, page_state=cursor))["code"] == 400
    assert (await get(app, page_state=(await get(app))["page_state"]))["code"] == 200


@pytest.mark.parametrize(("form", "decode"), [("hex", bytes.fromhex), ("base64", base64.b64decode)])
async def test_a_cursor_looks_like_cassandras_and_shows_no_place(
    form: Literal["hex", "base64"], decode: type[bytes]
) -> None:
    cursors = [page.get("page_state") for page in await walk(create_sandbox(Quirks(cursor_form=form)), limit=50)]
    raw = [bytes(decode(cursor)) for cursor in cursors if cursor]
    assert [(text[:4].hex(), text[-10:].hex()) for text in raw] == [("001b0010", "f07ffffffff07ffffffe")] * 2
    assert raw[0][20:26] != raw[1][20:26]
    assert b"\x00\x00\x00\x01" not in raw[0]


async def test_a_long_cursor_has_3000_characters() -> None:
    assert len((await get(create_sandbox(Quirks(cursor_form="long"))))["page_state"]) == 3_000
