from typing import Any

import pytest

from sandbox_calls import Answer, get, ids, walk
from telecmi_mcp.sandbox import Quirks, create_sandbox, make_contacts

EVERYONE = [contact["contact_id"] for contact in make_contacts()]


@pytest.mark.parametrize(
    ("form", "ending"), [("absent", {}), ("null", {"page_state": None}), ("empty_string", {"page_state": ""})]
)
@pytest.mark.parametrize("limit", [40, 50])
async def test_the_last_page(form: Any, ending: Answer, limit: int) -> None:
    pages = await walk(create_sandbox(Quirks(last_page=form)), limit=limit)
    assert ids(pages) == EVERYONE
    assert pages[-1] == {"code": 200, "contacts": pages[-1]["contacts"], "count": 150, **ending}


@pytest.mark.parametrize("size", ["full", "short", "empty_between", "oversized"])
@pytest.mark.parametrize("duplicates", ["none", "across_pages"])
@pytest.mark.parametrize("limit", [1, 40, 50])
async def test_one_empty_page_after_the_last(size: Any, duplicates: Any, limit: int) -> None:
    plain = Quirks(page_size=size, duplicates=duplicates)
    pages = await walk(create_sandbox(plain), limit=limit)
    more = await walk(
        create_sandbox(Quirks(page_size=size, duplicates=duplicates, last_page="then_empty_page")),
        limit=limit,
    )
    assert [page["contacts"] for page in more] == [*(page["contacts"] for page in pages), []]
    assert more[-2]["page_state"]
    assert more[-1] == {"code": 200, "contacts": [], "count": 150}


async def test_an_empty_organisation_has_one_empty_page() -> None:
    app = create_sandbox(Quirks(last_page="then_empty_page"), contacts=[])
    assert await walk(app, limit=10) == [{"code": 200, "contacts": [], "count": 0}]


@pytest.mark.parametrize(
    ("form", "sizes"),
    [
        ("full", [50, 50, 50]),
        ("short", [25] * 6),
        ("empty_between", [50, 0, 50, 0, 50]),
        ("oversized", [100, 50]),
    ],
)
async def test_pages_of_other_sizes_return_every_contact_once(form: Any, sizes: list[int]) -> None:
    pages = await walk(create_sandbox(Quirks(page_size=form)), limit=50)
    assert [len(page["contacts"]) for page in pages] == sizes
    assert ids(pages) == EVERYONE
    assert all(page["page_state"] for page in pages[:-1])


@pytest.mark.parametrize("limit", [1, 2, 10, 100])
@pytest.mark.parametrize("size", ["full", "short", "empty_between", "oversized"])
async def test_duplicates_across_pages_lose_no_contact(size: Any, limit: int) -> None:
    pages = await walk(create_sandbox(Quirks(duplicates="across_pages", page_size=size)), limit=limit)
    listed = ids(pages)
    assert list(dict.fromkeys(listed)) == EVERYONE
    full = [page for page in pages if page["contacts"]]
    overlap = 1 if len(full[0]["contacts"]) > 1 else 0
    assert len(listed) == len(EVERYONE) + overlap * (len(full) - 1)


@pytest.mark.parametrize(("form", "period"), [("same", 1), ("cycle", 2)])
async def test_a_repeating_cursor_never_ends_the_list(form: Any, period: int) -> None:
    pages = await walk(create_sandbox(Quirks(repeating_cursor=form)), limit=100, at_most=9)
    cursors = [page["page_state"] for page in pages]
    assert len(cursors) == 9
    assert cursors[period:] == cursors[:-period]
    assert len(set(cursors)) == period


async def test_a_cursor_repeats_even_if_one_page_holds_all() -> None:
    pages = await walk(create_sandbox(Quirks(repeating_cursor="same"), contacts=[]), limit=10, at_most=3)
    assert len(pages) == 3


@pytest.mark.parametrize(
    ("form", "code", "text"),
    [("code_400", 400, "Invalid parameters: page_state"), ("code_500", 500, "Something went wrong!")],
)
async def test_a_stale_cursor(form: Any, code: int, text: str) -> None:
    answer = await get(create_sandbox(Quirks(stale_cursor=form)), page_state="stale")
    assert answer == {"code": code, "error": True, "msg": text}


@pytest.mark.parametrize(
    ("form", "counts"),
    [
        ("number", [150, 150, 150]),
        ("string", ["150", "150", "150"]),
        ("missing", [None, None, None]),
        ("drifting", [150, 151, 152]),
    ],
)
async def test_the_count(form: Any, counts: list[object]) -> None:
    pages = await walk(create_sandbox(Quirks(count=form)), limit=50)
    assert [page.get("count") for page in pages] == counts


@pytest.mark.parametrize(("form", "listed"), [("first_page", EVERYONE[:10]), ("empty_page", [])])
async def test_a_stale_cursor_that_is_not_refused(form: Any, listed: list[str]) -> None:
    answer = await get(create_sandbox(Quirks(stale_cursor=form)), page_state="stale")
    assert [answer["code"], ids([answer])] == [200, listed]
    assert bool(answer.get("page_state")) is bool(listed)


@pytest.mark.parametrize("limit", [40, 50])
async def test_the_last_page_may_repeat_the_cursor_of_its_request(limit: int) -> None:
    pages = await walk(create_sandbox(Quirks(last_page="same_cursor")), limit=limit, at_most=6)
    last = -(-150 // limit) - 1
    assert ids(pages[: last + 1]) == EVERYONE
    assert len({page["page_state"] for page in pages[last - 1 :]}) == 1
    assert pages[last + 1] == pages[last]


async def test_a_list_of_one_page_has_no_cursor_to_repeat() -> None:
    assert "page_state" not in await get(create_sandbox(Quirks(last_page="same_cursor"), contacts=[]))


@pytest.mark.parametrize("limits", [(10, 50), (50, 1), (7, 100)])
async def test_a_cursor_may_be_valid_with_any_limit(limits: tuple[int, int]) -> None:
    app = create_sandbox(Quirks(cursor_limit="any"))
    first = await get(app, limit=limits[0])
    second = await get(app, limit=limits[1], page_state=first["page_state"])
    assert ids([first, second]) == EVERYONE[: sum(limits)]
    assert ids(await walk(app, limit=40)) == EVERYONE


@pytest.mark.parametrize(("form", "codes"), [("many", [200, 200]), ("once", [200, 400])])
async def test_a_cursor_may_be_valid_once_only(form: Any, codes: list[int]) -> None:
    app = create_sandbox(Quirks(cursor_use=form))
    cursor = (await get(app))["page_state"]
    assert [(await get(app, page_state=cursor))["code"] for _ in codes] == codes


@pytest.mark.parametrize(("form", "is_same"), [("stable", True), ("changing", False)])
async def test_the_order_of_a_page(form: Any, is_same: bool) -> None:
    app = create_sandbox(Quirks(order=form))
    first, second = ids([await get(app)]), ids([await get(app)])
    assert (first == second) is is_same
    assert sorted(first) == sorted(second)


@pytest.mark.parametrize(("form", "size"), [("code_400", None), ("capped", 100), ("honoured", 101), ("default", 10)])
async def test_a_limit_of_more_than_100(form: Any, size: int | None) -> None:
    app = create_sandbox(Quirks(large_limit=form))
    answer = await get(app, limit=101)
    assert answer["code"] == (200 if size else 400)
    assert len(answer.get("contacts", [])) == (size or 0)
    assert len((await get(app, limit=100))["contacts"]) == 100
