"""The tools that answer questions about the whole book in one call: filters, pages, lookups, counts and groups."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest

from conftest import SIGNED_IN, Desk, opened_desk
from telecmi_mcp.sandbox import Quirks, make_contacts

COMPANIES = ("Zentrix Pvt Ltd", "Zentrix Private Limited", "ZENTRIX")


def person(number: int, **fields: str) -> dict[str, str]:
    known = {
        "contact_id": f"00000000-0000-4000-8000-{number:012}",
        "first_name": f"Given{number:03}",
        "last_name": "Family",
        "phone_no": f"9198{number:08}",
        "email_id": f"p{number}@zentrix.example",
        "company": COMPANIES[number % 3],
        "job_title": "Sales Manager" if number % 2 else "Managing Director",
    }
    return {name: value for name, value in {**known, **fields}.items() if value}


BOOK = [
    *(person(number) for number in range(1, 31)),
    person(31, company="Zentrix Foods", email_id="", first_name="Omkar", last_name="Dholakia"),
    person(32, company="", email_id="NA", first_name="Ursula", last_name="Quackenbush"),
    person(33, company="Morvelle", phone_no="919800000001", first_name="Ursula", last_name="Quackenbush"),
    person(34, company="Morvelle", phone_no="447911123456", first_name="Tadeusz", last_name="Brzozowski"),
    person(35, company="", first_name="Zentrix", last_name="Kurian"),
]
"""30 at one company in three spellings, and five others."""


async def pages(desk: Desk, limit: int, **arguments: Any) -> list[list[str]]:
    """The ids of each page of a search."""
    found: list[list[str]] = []
    page_state: dict[str, str] = {}
    while True:
        answer = await desk.call("search_contacts", limit=limit, **arguments, **page_state)
        found.append([match["contact_id"] for match in answer["matches"]])
        assert answer["has_more"] is ("page_state" in answer)
        if not answer["has_more"]:
            return found
        page_state = {"page_state": answer["page_state"]}


@pytest.mark.parametrize("arguments", [{"company": "Zentrix"}, {"query": "Zentrix Pvt Ltd"}, {"missing": ["company"]}])
async def test_the_pages_of_a_search_hold_every_match_once(arguments: Any, generation: str) -> None:
    async with opened_desk(mode=generation, contacts=BOOK) as desk:
        whole = await desk.call("search_contacts", limit=100, **arguments)
        found = await pages(desk, 7, **arguments)
    ids = [contact_id for page in found for contact_id in page]
    assert len(ids) == len(set(ids)) == whole["total"]
    assert set(ids) == {match["contact_id"] for match in whole["matches"]}
    assert all(len(page) == 7 for page in found[:-1])


async def test_a_company_filter_means_the_company_however_it_is_spelt() -> None:
    async with opened_desk(contacts=BOOK) as desk:
        found = await desk.call("search_contacts", company="zentrix private limited", limit=3)
        foods = await desk.call("search_contacts", company="Zentrix Foods")
        typo = await desk.call("search_contacts", company="Zentrx")
        managers = await desk.call("search_contacts", company="Zentrix", job_title="MD", limit=1)
    assert found["total"] == 30
    assert len(found["companies"]) == 1
    assert foods["total"] == 1
    assert typo["total"] == 0
    assert typo["matches"] == []
    assert typo["notice"] == 'No company has this name. Similar names: "ZENTRIX", "Zentrix Foods".'
    assert managers["total"] == 15


async def test_a_query_that_is_a_companys_name_means_the_company_and_people_of_that_name() -> None:
    async with opened_desk(contacts=BOOK) as desk:
        found = await desk.call("search_contacts", query="Zentrix", limit=100)
    assert found["total"] == 31
    assert sum(match.get("first_name") == "Zentrix" for match in found["matches"]) == 1
    assert not [match for match in found["matches"] if match.get("company") == "Zentrix Foods"]


async def test_a_query_is_answered_among_the_contacts_that_pass_the_filter() -> None:
    async with opened_desk(contacts=BOOK) as desk:
        ursula = await desk.call("search_contacts", query="Ursula", company="Morvelle")
        nobody = await desk.call("search_contacts", query="Tadeusz", company="Zentrix")
    assert [match["contact_id"][-2:] for match in ursula["matches"]] == ["33"]
    assert nobody["total"] == 0


async def test_contacts_that_lack_every_field_are_found_with_placeholders_as_missing() -> None:
    async with opened_desk(contacts=BOOK) as desk:
        mail = await desk.call("search_contacts", missing="email_id")
        both = await desk.call("search_contacts", missing=["email_id", "company"])
    assert {match["contact_id"][-2:] for match in mail["matches"]} == {"31", "32"}
    assert [match["contact_id"][-2:] for match in both["matches"]] == ["32"]


async def test_a_page_state_holds_no_value_of_a_field_and_fits_its_own_search_only() -> None:
    async with opened_desk(contacts=BOOK) as desk:
        for arguments in ({"company": "Zentrix"}, {"query": "Given"}):
            answer = await desk.call("search_contacts", limit=2, **arguments)
            page_state = answer["page_state"]
            assert page_state.startswith("s.")
            decoded = base64.urlsafe_b64decode(page_state[2:] + "==").decode()
            values = {value for contact in BOOK for value in contact.values()}
            assert not [value for value in values if value in decoded]
            assert all(isinstance(part, float | int) for part in json.loads(decoded)[1:])
            for other in ({"company": "Morvelle"}, {"query": "Given", "missing": ["company"]}, {"query": "Ursula"}):
                said = await desk.refuse("search_contacts", page_state=page_state, **other)
                assert said.startswith("Pass the same query, company, job_title and missing as for the first page")
            for changed in (page_state[:-6], page_state + "AAAA", "s."):
                await desk.refuse("search_contacts", page_state=changed, **arguments)


async def test_a_sync_between_two_pages_shifts_nothing() -> None:
    settings = dataclasses.replace(SIGNED_IN, index_max_age=0.001)
    async with opened_desk(contacts=BOOK, settings=settings) as desk:
        first = await desk.call("search_contacts", company="Zentrix", limit=10)
        shown = [match["contact_id"] for match in first["matches"]]
        desk.sandbox.replace_contacts([person(90), *BOOK[:9], *BOOK[10:]])  # without the last one that was shown
        page_state, ids = first["page_state"], list(shown)
        while page_state:
            answer = await desk.call("search_contacts", company="Zentrix", limit=10, page_state=page_state)
            ids += [match["contact_id"] for match in answer["matches"]]
            page_state = answer.get("page_state")
    old = [contact["contact_id"] for contact in BOOK[:30]]
    assert [each for each in ids if each in old] == old
    assert len(ids) == len(set(ids))


async def test_a_lookup_answers_each_query_in_its_place(generation: str) -> None:
    queries = ["Omkar Dholakia", "+91 98 0000 0002", "Ursula Quackenbush", "Zebulon Quix", "p3@zentrix.example", "hi"]
    queries += [BOOK[4]["contact_id"], "Omkar Nobodyson"]
    async with opened_desk(mode=generation, contacts=BOOK) as desk:
        answer = await desk.call("lookup_contacts", queries=queries)
        again = await desk.call("search_contacts", query="Omkar Dholakia")
    results = answer["results"]
    assert [each["query"] for each in results] == queries
    statuses = [each["status"] for each in results]
    assert statuses == ["found", "found", "several", "not_found", "found", "unclear", "found", "partial"]
    assert [[contact["contact_id"][-2:] for contact in each["contacts"]] for each in results] == [
        ["31"], ["02"], ["32", "33"], [], ["03"], [], ["05"], ["31"],
    ]  # fmt: skip
    assert results[2]["total"] == 2
    assert results[0]["contacts"] == again["matches"]
    assert answer["complete"] is True


async def test_a_lookup_of_a_hundred_reads_ten_contacts_again_and_says_so() -> None:
    async with opened_desk(contacts=BOOK) as desk:
        await desk.call("search_contacts", query="Ursula")
        before = len(desk.bodies)
        answer = await desk.call("lookup_contacts", queries=[f"Given{number % 30 + 1:03}" for number in range(100)])
        asked = [body for body in desk.bodies[before:] if "contact_id" in body]
    assert [each["status"] for each in answer["results"]] == ["found"] * 100
    assert len(asked) == 10
    assert answer["notice"].startswith("20 of these are as of 20")


async def test_a_lookup_shows_three_contacts_for_a_query_and_a_hundred_and_twenty_in_all() -> None:
    async with opened_desk(contacts=BOOK) as desk:
        one = await desk.call("lookup_contacts", queries=["Zentrix"])
        many = await desk.call("lookup_contacts", queries=["Family"] * 100)
    assert one["results"][0]["total"] == 31
    assert len(one["results"][0]["contacts"]) == 3
    shown = [len(each["contacts"]) for each in many["results"]]
    assert min(shown) == 1
    assert sum(shown) == 120


async def test_a_lookup_counts_for_as_many_calls_as_it_has_queries() -> None:
    settings = dataclasses.replace(SIGNED_IN, rate_limit=10)
    async with opened_desk(contacts=BOOK, settings=settings) as desk:
        await desk.call("lookup_contacts", queries=["Ursula"] * 9)
        assert "calls per minute" in await desk.refuse("lookup_contacts", queries=["Ursula"] * 2)
        await desk.call("search_contacts", query="Ursula")


async def test_a_lookup_denies_nobody_while_contacts_are_missing() -> None:
    async with opened_desk(Quirks(repeating_cursor="same"), contacts=make_contacts(300)) as desk:
        answer = await desk.call("lookup_contacts", queries=["Zebulon Quix"])
    assert answer["complete"] is False
    assert answer["results"][0]["status"] == "unclear"
    assert "200 contacts" in answer["notice"]  # that were read so far, or that TeleCMI lists


async def test_contacts_are_counted_and_grouped_in_one_call(generation: str) -> None:
    async with opened_desk(mode=generation, contacts=BOOK) as desk:
        whole = await desk.call("count_contacts")
        companies = await desk.call("count_contacts", group_by="company", max_groups=2)
        phones = await desk.call("count_contacts", group_by="phone_no")
        names = await desk.call("count_contacts", group_by="name")
        countries = await desk.call("count_contacts", group_by="country", company="Morvelle")
        missing = await desk.call("count_contacts", missing=["company"])
    assert whole == {"total": 35, "complete": True}
    assert companies["groups"][0]["count"] == 30
    assert companies["groups"][1] == {"value": "Morvelle", "count": 2}
    assert (companies["more_groups"], companies["in_no_group"]) == (1, 2)
    assert phones["groups"] == [{"value": "919800000001", "count": 2}]
    assert names["groups"] == [{"value": "Ursula Quackenbush", "count": 2}]
    assert countries["groups"] == [{"value": "GB", "count": 1}, {"value": "IN", "count": 1}]
    assert missing["total"] == 2


async def test_a_count_of_an_unknown_company_names_similar_ones() -> None:
    async with opened_desk(contacts=BOOK) as desk:
        counted = await desk.call("count_contacts", company="Morvele")
    assert counted["total"] == 0
    assert counted["notice"] == 'No company has this name. Similar names: "Morvelle".'


async def test_a_count_of_contacts_that_are_not_all_read_says_so() -> None:
    async with opened_desk(Quirks(repeating_cursor="same"), contacts=make_contacts(300)) as desk:
        counted = await desk.call("count_contacts")
    assert counted["complete"] is False
    assert (counted["total"], counted["indexed"], counted["count"]) == (200, 200, 300)
    assert "200 contacts" in counted["notice"]


async def test_without_an_index_a_search_says_how_much_was_read_and_has_no_page_state() -> None:
    settings = dataclasses.replace(SIGNED_IN, index="off")
    async with opened_desk(contacts=BOOK, settings=settings) as desk:
        found = await desk.call("search_contacts", company="Zentrix", limit=3)
        counted = await desk.call("count_contacts", group_by="company", max_groups=1)
        looked_up = await desk.call("lookup_contacts", queries=["Omkar"])
    assert found["total"] == 30
    assert found["has_more"] is True
    assert "page_state" not in found
    assert counted["groups"][0]["count"] == 30
    assert looked_up["results"][0]["status"] == "found"


async def test_a_query_for_two_is_never_found_and_an_id_is_read_from_telecmi() -> None:
    late = person(77, first_name="Wilhelmina", last_name="Okonkwo")
    async with opened_desk(contacts=BOOK) as desk:
        await desk.call("search_contacts", query="Ursula")
        desk.sandbox.replace_contacts([*BOOK[:-1], late])  # as many as before: the count tells nothing
        answer = await desk.call(
            "lookup_contacts",
            queries=["Omkar Dholakia and Tadeusz Brzozowski", "919800000002 / 919999999999", late["contact_id"]],
        )
    assert [each["status"] for each in answer["results"]] == ["several", "partial", "found"]


async def test_pages_lose_nobody_when_shown_contacts_are_removed() -> None:
    twins = [person(number, first_name="Priya", last_name="Raman") for number in range(1, 31)]
    settings = dataclasses.replace(SIGNED_IN, index_max_age=0.001)
    async with opened_desk(contacts=twins, settings=settings) as desk:
        answer = await desk.call("search_contacts", query="Priya Raman", limit=10)
        shown = {match["contact_id"] for match in answer["matches"]}
        desk.sandbox.replace_contacts([each for each in twins if each["contact_id"] not in shown])
        while page_state := answer.get("page_state"):
            answer = await desk.call("search_contacts", query="Priya Raman", limit=10, page_state=page_state)
            ids = [match["contact_id"] for match in answer["matches"]]
            assert not shown & {*ids}
            shown.update(ids)
    assert len(shown) == 30


async def test_a_group_of_a_number_has_that_number_as_its_value() -> None:
    both = "919876543210 / 17035550111"
    book = [person(1, phone_no=both), person(2, phone_no=both), person(3, phone_no="919876543210")]
    async with opened_desk(contacts=book) as desk:
        counted = await desk.call("count_contacts", group_by="phone_no")
    assert counted["groups"] == [{"value": "919876543210", "count": 3}, {"value": "17035550111", "count": 2}]


async def test_entries_that_are_no_contacts_are_counted_in_the_notice() -> None:
    async with opened_desk(Quirks(malformed_contact="null"), contacts=BOOK) as desk:
        counted = await desk.call("count_contacts")
        denied = await desk.call("search_contacts", query="Zebulon Quix")
    assert counted["notice"] == "Malformed entries of TeleCMI's list that are left out: 1."
    assert denied["notice"].endswith("Malformed entries of TeleCMI's list that are left out: 1.")
