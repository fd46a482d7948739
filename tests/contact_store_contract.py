"""The tests that every contact store passes; a test module inherits them and gives the fixture `index`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from telecmi_mcp import Contact
from telecmi_mcp._search import search
from telecmi_mcp._search.caches import REMEMBERED
from telecmi_mcp._search.fields.facets import Facet
from telecmi_mcp._search.store import Group, Groups, ValueQuery, Written

if TYPE_CHECKING:
    from telecmi_mcp._search import ContactStore


def person(number: int, *, name: str = "", company: str = "") -> Contact:
    return Contact(contact_id=f"c{number}", first_name=name or f"Name{number}", company=company or None)


def people(*numbers: int) -> list[Contact]:
    return [person(number) for number in numbers]


def ids(store: ContactStore, query: str) -> list[str]:
    """Return the ids of the exact matches."""
    return [hit.contact.contact_id for hit in search(store, query, limit=10).hits if hit.match == "exact"]


STAFF = [
    Contact("c1", company="T.V.Q. Pvt Ltd", job_title="Sales Manager", phone_no="919876543210", first_name="Ravi Rao"),
    Contact("c2", company="TVQ", job_title="Manager", phone_no="9876543210", first_name="Rao", last_name="Ravi"),
    Contact("c3", company="TVQ", job_title="NA", phone_no="+65 9123 4567", email_id="a@acme.example"),
    Contact("c4", company="Info Edge", phone_no="6591234567", email_id="A@ACME.example; b@globex.example"),
    Contact("c5", company="-", phone_no="+1 987 654 3210 / 919999912345", email_id="nil"),
]


def selected(store: ContactStore, *conditions: tuple[Facet, list[str]], after: int = 0, limit: int = 9) -> list[str]:
    with store.reading() as view:
        return [row.contact_id for _, row in view.select(conditions, after=after, limit=limit)]


def grouped(store: ContactStore, key: Facet, *, min_count: int = 1, limit: int = 9) -> Groups:
    with store.reading() as view:
        return view.groups(key, [], min_count=min_count, limit=limit)


class ContactStoreContract:
    """What the search and the sync rely on."""

    def test_the_distinct_values_are_found_by_whole_words(self, index: ContactStore) -> None:
        index.upsert(STAFF, generation=1, state={})
        with index.reading() as view:
            assert view.values(Facet.COMPANY, [ValueQuery()]) == ["info edge", "tvq"]
            assert view.values(Facet.JOB_TITLE, [ValueQuery([{"manager", "mgr"}])]) == ["manager", "sales manager"]
            assert view.values(Facet.JOB_TITLE, [ValueQuery([{"manager"}, {"sales", "selling"}])]) == ["sales manager"]
            assert view.values(Facet.JOB_TITLE, [ValueQuery([{"manage"}]), ValueQuery([set()])]) == []
            either = [ValueQuery(joined={"oed"}), ValueQuery([{"tvq"}])]
            assert view.values(Facet.COMPANY, either) == ["info edge", "tvq"]
            assert view.values(Facet.COMPANY, [ValueQuery(joined={"oed", "zzz"})]) == ["info edge"]
            assert view.values(Facet.COMPANY, [ValueQuery(initials="ie")]) == ["info edge"]
            assert view.values(Facet.COMPANY, [ValueQuery(initials="nf")]) == []

    def test_contacts_are_selected_and_counted_by_all_conditions_in_the_order_of_their_numbers(
        self, index: ContactStore
    ) -> None:
        index.upsert(STAFF, generation=1, state={})
        company = (Facet.COMPANY, ["tvq", "info edge"])
        assert selected(index) == ["c1", "c2", "c3", "c4", "c5"]
        assert selected(index, company) == ["c1", "c2", "c3", "c4"]
        assert selected(index, company, (Facet.MISSING, ["job_title"])) == ["c3", "c4"]
        assert selected(index, (Facet.COMPANY, [])) == selected(index, (Facet.COMPANY, ["nobody"])) == []
        with index.reading() as view:
            assert view.count([]) == 5
            assert view.count([company, (Facet.MISSING, ["email_id"])]) == 2
            assert view.count([(Facet.EMAIL_DOMAIN, ["acme.example", "globex.example"])]) == 2

    def test_a_page_begins_behind_the_number_of_the_last_contact_whatever_was_written(
        self, index: ContactStore
    ) -> None:
        index.upsert(STAFF, generation=1, state={})
        for conditions in ([], [(Facet.COMPANY, ["tvq", "info edge"])]):
            with index.reading() as view:
                first = view.select(conditions, after=0, limit=2)
            assert [row.contact_id for _, row in first] == ["c1", "c2"]
            assert first[0][0] > 0
            index.delete(["c1"])
            index.upsert([STAFF[1]._replace(first_name="Other")], generation=1, state={})
            with index.reading() as view:
                (after, _) = first[-1]
                assert [row.contact_id for _, row in view.select(conditions, after=after, limit=2)] == ["c3", "c4"]
            index.delete(["c1", "c2", "c3", "c4", "c5"])
            index.upsert(STAFF, generation=1, state={})

    def test_contacts_are_grouped_by_each_key(self, index: ContactStore) -> None:
        index.upsert(STAFF, generation=1, state={})
        assert grouped(index, Facet.COMPANY) == Groups([Group("tvq", 3), Group("info edge", 1)], 0, 1)
        assert grouped(index, Facet.COMPANY, limit=1) == Groups([Group("tvq", 3)], 1, 1)
        assert grouped(index, Facet.COMPANY, min_count=4) == Groups([], 0, 1)
        assert grouped(index, Facet.JOB_TITLE) == Groups([Group("manager", 1), Group("sales manager", 1)], 0, 3)
        assert grouped(index, Facet.EMAIL_DOMAIN) == Groups(
            [Group("acme.example", 2), Group("globex.example", 1)], 0, 3
        )
        assert grouped(index, Facet.COUNTRY) == Groups([Group("IN", 2), Group("SG", 1), Group("US/CA", 1)], 0, 2)
        assert grouped(index, Facet.EMAIL, min_count=2) == Groups([Group("a@acme.example", 2)], 0, 3)
        assert grouped(index, Facet.NAME, min_count=2) == Groups([Group("rao ravi", 2)], 0, 3)

    def test_two_addresses_of_one_domain_are_one_contact_of_it(self, index: ContactStore) -> None:
        index.upsert([Contact("c1", email_id="a@acme.example, b@acme.example")], generation=1, state={})
        assert grouped(index, Facet.EMAIL_DOMAIN).largest == [Group("acme.example", 1)]
        assert grouped(index, Facet.EMAIL).largest == [Group("a@acme.example", 1), Group("b@acme.example", 1)]

    def test_groups_hold_only_the_contacts_that_meet_the_conditions(self, index: ContactStore) -> None:
        index.upsert(STAFF, generation=1, state={})
        with index.reading() as view:
            found = view.groups(Facet.JOB_TITLE, [(Facet.COMPANY, ["tvq"])], min_count=1, limit=1)
            assert found == Groups([Group("manager", 1)], 1, 1)
            assert view.groups(Facet.COUNTRY, [(Facet.COMPANY, [])], min_count=1, limit=9) == Groups([], 0, 0)

    def test_a_number_without_a_country_joins_the_only_number_that_it_may_be(self, index: ContactStore) -> None:
        index.upsert(STAFF[2:4], generation=1, state={})
        assert grouped(index, Facet.PHONE, min_count=2).largest == [Group("91234567 65", 2)]
        index.upsert(STAFF[:2], generation=1, state={})
        assert Group("9876543210 91", 2) in grouped(index, Facet.PHONE).largest
        index.upsert(STAFF[4:], generation=1, state={})
        assert grouped(index, Facet.PHONE, min_count=2).largest == [Group("91234567 65", 2)]
        assert {Group("9876543210", 1), Group("9876543210 1", 1)} < set(grouped(index, Facet.PHONE).largest)

    def test_a_value_is_shown_in_its_commonest_spelling(self, index: ContactStore) -> None:
        index.upsert(STAFF, generation=1, state={})
        with index.reading() as view:
            assert view.spellings(Facet.COMPANY, ["tvq", "info edge"]) == {"tvq": "TVQ", "info edge": "Info Edge"}
            assert view.spellings(Facet.NAME, ["rao ravi"]) == {"rao ravi": "Rao Ravi"}
            assert view.spellings(Facet.COUNTRY, ["IN"]) == {"IN": "IN"}

    def test_groups_follow_what_is_changed_and_removed(self, index: ContactStore) -> None:
        index.upsert(STAFF, generation=1, state={})
        index.upsert([STAFF[2]._replace(company="Info Edge Limited")], generation=1, state={})
        index.delete(["c1"])
        assert grouped(index, Facet.COMPANY).largest == [Group("info edge", 2), Group("tvq", 1)]

    def test_a_page_is_found_once_it_is_written(self, index: ContactStore) -> None:
        assert index.upsert(people(1, 2), generation=1, state={}) == Written(changed=2, unchanged=0)
        assert ids(index, "name2") == ["c2"]
        assert index.count() == 2

    def test_an_unchanged_contact_is_only_marked_as_seen(self, index: ContactStore) -> None:
        index.upsert(people(1, 2), generation=1, state={})
        assert index.upsert([person(1), person(2, name="Other")], generation=2, state={}) == Written(
            changed=1, unchanged=1
        )
        assert index.sweep(2) == 0

    def test_a_changed_contact_is_found_by_what_it_is_now(self, index: ContactStore) -> None:
        index.upsert([person(1, name="Asha", company="Acme")], generation=1, state={})
        index.upsert([person(1, name="Asha", company="Globex")], generation=1, state={})
        assert ids(index, "globex") == ["c1"]
        assert ids(index, "acme") == []
        assert index.count() == 1

    def test_a_word_in_two_fields_of_a_page_is_found_in_both(self, index: ContactStore) -> None:
        page = [person(1, name="Zebulon"), person(2, name="Asha", company="Zebulon")]
        index.upsert(page, generation=1, state={})
        assert sorted(ids(index, "zebulon")) == ["c1", "c2"]

    def test_the_last_of_one_id_in_a_page_counts(self, index: ContactStore) -> None:
        index.upsert([person(1, name="Asha"), person(1, name="Usha")], generation=1, state={})
        assert (ids(index, "asha"), ids(index, "usha")) == ([], ["c1"])

    def test_a_sweep_removes_the_contacts_that_the_sync_did_not_see(self, index: ContactStore) -> None:
        index.upsert(people(1, 2, 3), generation=1, state={})
        index.upsert(people(2), generation=2, state={})
        assert (index.count(), index.count(1), index.count(2)) == (3, 2, 1)
        assert index.sweep(2, state={"complete": "yes"}) == 2
        assert (ids(index, "name1"), ids(index, "name2")) == ([], ["c2"])
        assert index.state() == {"complete": "yes"}

    def test_contacts_are_deleted_by_id(self, index: ContactStore) -> None:
        index.upsert(people(1, 2), generation=1, state={})
        assert index.delete(["c1", "unknown"]) == 1
        assert ids(index, "name1") == []

    def test_a_word_without_contacts_leaves_the_vocabulary(self, index: ContactStore) -> None:
        index.upsert([person(1, name="Asha"), person(2, name="Asha"), person(3, name="Usha")], generation=1, state={})
        index.delete(["c1", "c3"])
        with index.reading() as view:
            assert [term.text for term in view.terms(["asha", "usha"])] == ["asha"]

    def test_the_search_forgets_the_words_of_a_removed_contact(self, index: ContactStore) -> None:
        index.upsert([person(1, name="Asha"), person(2, name="Usha")], generation=1, state={})
        ids(index, "ahsa")
        assert any(remembered.cache_info().currsize for remembered in REMEMBERED)
        index.delete(["c1"])
        assert not any(remembered.cache_info().currsize for remembered in REMEMBERED)

    def test_state_is_saved_with_its_page(self, index: ContactStore) -> None:
        index.upsert(people(1), generation=1, state={"cursor": "abc", "count": "9"})
        index.remember({"cursor": "def"})
        assert index.state() == {"cursor": "def", "count": "9"}

    def test_a_prefix_is_answered_with_its_most_used_words(self, index: ContactStore) -> None:
        names = ["anna", "anil", "anil", "anu", "bela"]
        index.upsert([person(n, name=name) for n, name in enumerate(names)], generation=1, state={})
        with index.reading() as view:
            assert [[term.text for term in terms] for terms in view.starting(["an"], limit=1)] == [["anil"]]

    def test_searching_while_pages_are_written_is_right(self, index: ContactStore, address_book: list[Contact]) -> None:
        index.upsert([person(0, name="Zebulon", company="Quux")], generation=1, state={})
        faults: list[object] = []
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                try:
                    found = ids(index, "Zebulon Quux")
                except Exception as error:  # noqa: BLE001 - a thread's error has to reach the test
                    found = [repr(error)]
                if found != ["c0"]:
                    faults.append(found)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for start in range(0, 1500, 100):
            index.upsert(address_book[start : start + 100], generation=2, state={})
        index.upsert([person(0, name="Zebulon", company="Quux")], generation=2, state={})
        done.set()
        for reader in readers:
            reader.join(timeout=30)
        assert faults == []
        assert index.sweep(2) == 0
