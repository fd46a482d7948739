"""The tests that every contact store passes; a test module inherits them and gives the fixture `index`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from telecmi_mcp import Contact
from telecmi_mcp._search import search
from telecmi_mcp._search.caches import REMEMBERED
from telecmi_mcp._search.store import Written

if TYPE_CHECKING:
    from telecmi_mcp._search import ContactStore


def person(number: int, *, name: str = "", company: str = "") -> Contact:
    return Contact(contact_id=f"c{number}", first_name=name or f"Name{number}", company=company or None)


def people(*numbers: int) -> list[Contact]:
    return [person(number) for number in numbers]


def ids(store: ContactStore, query: str) -> list[str]:
    """Return the ids of the exact matches."""
    return [hit.contact.contact_id for hit in search(store, query, limit=10).hits if hit.match == "exact"]


class ContactStoreContract:
    """What the search and the sync rely on."""

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
