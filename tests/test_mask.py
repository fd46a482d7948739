"""Masks of contacts: what a masked reader sees, and that nothing lets the reader spell a value out."""

from __future__ import annotations

import itertools
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from httpx2 import ASGITransport
from hypothesis import given
from hypothesis import strategies as st
from raw_session import opened

from conftest import SIGNED_IN
from e2e.lines import call, request
from telecmi_mcp import open_app
from telecmi_mcp._mask import ALL_MASKS, NO_MASK, Mask
from telecmi_mcp._mcp.tools.lookup_contacts import LOOKUP_CONTACTS
from telecmi_mcp._models import Contact, ContactPage, JsonContacts
from telecmi_mcp.errors import CallLimitReached, MaskedField
from telecmi_mcp.sandbox import create_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from telecmi_mcp._app import App

PHONE, EMAIL, BOTH = Mask(["phone_no"]), Mask(["email_id"]), Mask(["phone_no", "email_id"])
ID = "12345678-1234-4321-8765-123456789012"


def masked(mask: Mask, field: str, text: str) -> str | None:
    value: str | None = getattr(mask.contact(Contact(ID)._replace(**{field: text})), field)
    return value


@pytest.mark.parametrize(
    ("field", "text", "shown"),
    [
        ("phone_no", "918004417263", "********63"),
        ("phone_no", "+91 80044-17263, 022 4417 2699", "********99"),
        ("phone_no", "1234", "********"),
        ("phone_no", "९१८००४४१७२६३", "********६३"),
        ("phone_no", "NA", "NA"),
        ("phone_no", "nine eight seven six", "********"),
        ("company", "9 8 7 6    5 4 3", "********43"),
        ("company", "9=8=7=6=5=4=3 and 9(8)7'6'5'4'3", "********43 and ********43"),
        ("company", "⁹⁸⁷⁶⁵⁴ ①②③④⑤⑥", "********⑤⑥"),
        ("company", "Acme (98765 43210)", "Acme (********10)"),
        ("company", "Studio 54", "Studio 54"),
        ("company", "Acme 98765/43210", "Acme ********10"),
        ("last_name", "call +91-98765.43210 now", "call +********10 now"),
        ("job_title", "९८७६५४३२१०", "********१०"),
        ("email_id", "9876543210@acme.com", "********10@acme.com"),
        ("contact_id", ID, ID),
    ],
)
def test_a_masked_number_keeps_two_digits_wherever_it_stands(field: str, text: str, shown: str) -> None:
    assert masked(PHONE, field, text) == shown


@pytest.mark.parametrize(
    ("field", "text", "shown"),
    [
        ("email_id", "priya.raman@acme.com", "***@acme.com"),
        ("email_id", "a@x.com, priya@acme.com", "***@acme.com"),
        ("email_id", "priya.raman", "***"),
        ("email_id", "null", "null"),
        ("company", "Acme <priya@acme.com>", "Acme <***@acme.com>"),
        ("company", "Acme priya@acme.com", "Acme ***@acme.com"),
        ("job_title", "priya (at) acme.com", "***@acme.com"),
        ("company", "Ravi at gmail.com", "***@gmail.com"),
        ("company", "john.doe AT gmail.co.in", "***@gmail.co.in"),
        ("company", "mailto:john.doe%40gmail.com", "mailto:***@gmail.com"),
        ("company", "o'neil@x.com", "***@x.com"),
        ("company", "Ravi at home", "Ravi at home"),
        ("job_title", "priya dot raman at acme dot com", "***@acme dot com"),
        ("last_name", "at the office", "at the office"),
        ("phone_no", "918004417263", "918004417263"),
    ],
)
def test_a_masked_address_keeps_its_domain_wherever_it_stands(field: str, text: str, shown: str) -> None:
    assert masked(EMAIL, field, text) == shown


def test_the_stricter_of_two_masks_hides_what_either_hides() -> None:
    assert PHONE | EMAIL == BOTH
    assert (NO_MASK | PHONE).name == "phone_no"
    assert len({mask.name for mask in ALL_MASKS}) == len(ALL_MASKS) == 4
    assert not NO_MASK


def test_a_page_is_masked_in_either_form_and_without_a_mask_it_is_not_copied() -> None:
    contact = Contact(ID, phone_no="918004417263", company="Acme")
    facts = {"contact_id": ID, "phone_no": "918004417263", "company": "Acme"}
    pages = [ContactPage([contact], count=1), ContactPage(JsonContacts([facts]), count=1)]
    for page in pages:
        (only,) = BOTH.page(page).contacts
        assert only == contact._replace(phone_no="********63")
        assert NO_MASK.page(page) is page
    assert facts["phone_no"] == "918004417263"


@given(st.text(max_size=60), st.text("0123456789 -+().@at", max_size=40))
def test_no_run_of_digits_and_no_address_survives(before: str, text: str) -> None:
    for field in ("company", "phone_no", "email_id"):
        shown = masked(BOTH, field, f"{before} {text}") or ""
        digits = "".join(char for char in text if char.isdigit())
        assert len(digits) < 6 or digits not in shown


@pytest.mark.parametrize("query", ["98765 43210", "+91-98765", "who has 9876543210?", "९८७६५"])
def test_a_query_for_a_masked_number_is_refused(query: str) -> None:
    with pytest.raises(MaskedField, match="phone numbers are masked"):
        PHONE.require_visible_in(query)
    EMAIL.require_visible_in(query)


@pytest.mark.parametrize("query", ["priya@acme.com", "priya at acme dot com", "mail of a(at)b.co"])
def test_a_query_for_a_masked_address_is_refused(query: str) -> None:
    with pytest.raises(MaskedField, match="e-mail addresses are masked"):
        EMAIL.require_visible_in(query)
    PHONE.require_visible_in(query)


@pytest.mark.parametrize(
    "query",
    ["Priya at Acme", "Priya's number at acme.com", "Studio 54", ID, f"the contact {ID.upper()}", "@acme.com", "1984"],
)
def test_another_query_is_not_refused(query: str) -> None:
    BOTH.require_visible_in(query)


PRIYA = "918004417263"
REFUSED: dict[str, dict[str, Any]] = {
    "search a number": call(1, "search_contacts", query="8004417263"),
    "search an address": call(1, "search_contacts", query="priya.raman@acme.example"),
    "filter": call(1, "search_contacts", missing=["phone_no"]),
    "look up": call(1, "lookup_contacts", queries=["priya.raman@acme.example", "+91 8004417263"]),
    "count": call(1, "count_contacts", missing=["email_id"]),
    "group by number": call(1, "count_contacts", group_by="phone_no"),
    "group by address": call(1, "count_contacts", group_by="email_id"),
    "group by country": call(1, "count_contacts", group_by="country"),
}


@pytest.fixture
def masking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def mask(*fields: str) -> None:
        monkeypatch.setattr("raw_session.SIGNED_IN", replace(SIGNED_IN, mask=fields))

    return mask


@pytest.mark.parametrize("message", REFUSED.values(), ids=REFUSED)
async def test_asking_for_a_masked_field_gets_a_sentence(message: dict[str, Any], masking: Callable[..., None]) -> None:
    masking("phone_no", "email_id")
    async with opened("legacy") as session:
        result = (await session.ask(message))["result"]
    assert result["isError"]
    assert "masked" in result["content"][0]["text"]


async def test_a_lookup_answers_the_queries_that_ask_for_no_masked_value(masking: Callable[..., None]) -> None:
    masking("phone_no")
    async with opened("legacy") as session:
        queries = ["Priya Raman", "+91 8004417263", "priya.raman@acme.example", "zzkqwx"]
        answer = (await session.ask(call(1, "lookup_contacts", queries=queries)))["result"]["structuredContent"]
    assert [each["query"] for each in answer["results"]] == queries
    assert [each["status"] for each in answer["results"]] == ["found", "unclear", "found", "not_found"]
    assert answer["results"][1]["contacts"] == []
    assert "1 query asks for a phone number or an e-mail address, which are masked here" in answer["notice"]


EVERYTHING = [
    call(1, "search_contacts", query="Priya Acme"),
    call(2, "search_contacts", company="Acme", limit=100),
    call(3, "lookup_contacts", queries=["Priya Raman", "John", "Acme"]),
    call(4, "count_contacts", group_by="company", max_groups=100),
    call(5, "count_contacts", group_by="email_domain", max_groups=100),
    call(6, "count_contacts", group_by="name", min_count=1, max_groups=100),
    call(7, "get_contact", contact_id="d3b07384-d113-4ec5-a5ae-be81d6e3c239"),
    call(8, "list_contacts", limit=100),
    request(9, "resources/read", uri="telecmi://contacts/d3b07384-d113-4ec5-a5ae-be81d6e3c239"),
    request(10, "resources/read", uri="telecmi://status"),
    *(
        request(
            11,
            "completion/complete",
            ref={"type": "ref/prompt", "name": "find_contact"},
            argument={"name": "who", "value": v},
        )
        for v in ("", "9", "8", "+")
    ),
]


async def test_no_answer_holds_a_masked_value(masking: Callable[..., None]) -> None:
    async with opened("legacy") as session:
        page = (await session.ask(call(1, "list_contacts", limit=100)))["result"]["structuredContent"]["contacts"]
    numbers = {each["phone_no"][-9:-1] for each in page if len(each.get("phone_no", "")) > 9}
    addresses = {each["email_id"] for each in page if "@" in each.get("email_id", "")}
    masking("phone_no", "email_id")
    async with opened("legacy") as session:
        answers = json.dumps([await session.ask(message) for message in EVERYTHING], ensure_ascii=False)
    assert len(numbers) > 50
    assert len(addresses) > 50
    assert not [number for number in numbers if number in answers]
    assert not [address for address in addresses if address in answers]
    assert "********63" in answers
    assert "***@" in answers


async def test_no_tool_tells_which_digit_comes_next(masking: Callable[..., None]) -> None:
    """Somebody who may not see Priya's number asks each tool for every way to continue it, and learns nothing."""
    masking("phone_no", "email_id")
    async with opened("legacy") as session:
        for length, tool in itertools.product(range(1, 5), ("search_contacts", "lookup_contacts")):
            told = set()
            for digit in "0123456789":
                guess = PRIYA[: length - 1] + digit
                arguments = (
                    {"query": f"Priya {guess}"} if tool == "search_contacts" else {"queries": [f"Priya {guess}"]}
                )
                told.add(_outcome((await session.ask(call(1, tool, **arguments)))["result"]))
            assert len(told) == 1, (tool, length, told)


def _outcome(result: dict[str, Any]) -> str:
    """What an answer tells about a guess: whether it was found, by what, and how many there are."""
    data = result.get("structuredContent")
    if data is None:
        return str(result["content"][0]["text"])
    hits = data.get("matches") or [each for found in data.get("results", []) for each in found["contacts"]]
    said = [(hit["contact_id"], hit.get("match"), hit.get("found_in")) for hit in hits]
    return json.dumps([said, data.get("total")])


@pytest.mark.parametrize("value", ["918004417263", "+91 (80044) 17263", "priya@acme.com", " priya at acme dot com "])
def test_a_whole_value_is_a_number_or_an_address_and_nothing_else(value: str) -> None:
    BOTH.require_whole(value)
    assert BOTH.hides(value)


@pytest.mark.parametrize("value", ["80044", "8004417", "Priya 918004417263", "918004417263 priya", "x priya@acme.com"])
def test_a_part_of_a_value_or_more_than_one_is_not_whole(value: str) -> None:
    with pytest.raises(MaskedField):
        BOTH.require_whole(value)


@asynccontextmanager
async def reader(admitted: list[int] | None) -> AsyncIterator[App]:
    """An app whose reader sees neither numbers nor addresses, and may ask for whole values if they are counted."""
    transport = ASGITransport(app=create_sandbox())

    async def admit(number: int) -> None:
        assert admitted is not None
        admitted.append(number)
        if sum(admitted) > 20:
            raise CallLimitReached(3600)

    async with open_app(SIGNED_IN, transport=transport) as app:
        yield replace(app.with_mask(BOTH), admit_whole_values=None if admitted is None else admit)


async def test_who_may_look_whole_values_up_gets_the_name_and_never_the_value() -> None:
    admitted: list[int] = []
    queries = ["Priya Raman", PRIYA, "+91 99999 88888", "8004417263"]
    async with reader(admitted) as app:
        answer = (await LOOKUP_CONTACTS.call(app, {"queries": queries})).data
    assert [each["query"] for each in answer["results"]] == queries
    assert [each["status"] for each in answer["results"]] == ["found", "found", "not_found", "found"]
    assert {each["contacts"][0]["first_name"] for each in answer["results"] if each["contacts"]} == {"Priya"}
    assert PRIYA[2:-2] not in json.dumps([each["contacts"] for each in answer["results"]])
    assert admitted == [3], "hits and misses count alike, and names do not"


async def test_who_may_not_gets_a_sentence_and_a_part_of_a_number_is_never_looked_up() -> None:
    async with reader(None) as app:
        with pytest.raises(MaskedField):
            await LOOKUP_CONTACTS.call(app, {"queries": [PRIYA]})
    async with reader([]) as app:
        for query in (PRIYA[:7], f"Priya {PRIYA}", PRIYA[-5:]):
            with pytest.raises(MaskedField):
                await LOOKUP_CONTACTS.call(app, {"queries": [query]})


async def test_a_view_of_an_account_shares_its_token_and_not_its_contacts() -> None:
    async with open_app(SIGNED_IN, transport=ASGITransport(app=create_sandbox())) as app:
        masked = app.with_mask(PHONE)
        assert app.with_mask(PHONE) is masked
        assert masked.with_mask(NO_MASK) is app
        assert await masked.account() != await app.account()
        assert masked.tokens is app.tokens
        page, hidden = await app.directory.list_contacts(limit=5), await masked.directory.list_contacts(limit=5)
        assert PHONE.page(page) == hidden != page
