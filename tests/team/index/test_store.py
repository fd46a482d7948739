"""The mirror in PostgreSQL gives what the index in SQLite gives, in the same order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from contact_store_contract import ContactStoreContract, ids, people, person
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from search_samples import sample_queries

from telecmi_mcp import Contact
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._search import Hits, search
from telecmi_mcp._search.fields.facets import Facet
from telecmi_mcp._search.fields.index_entries import Field, IndexKey, query_sketches
from telecmi_mcp._search.store import Span, ValueQuery
from telecmi_mcp._team.index.cleanup import forget_unused
from telecmi_mcp._team.index.location import PostgresLocation
from telecmi_mcp._team.index.writer_locks import WriterLocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from telecmi_mcp._search import ContactStore
    from telecmi_mcp._team.db.database import Database
    from telecmi_mcp._team.index.postgres_store import PostgresStore

NAMES = ["Asha", "Usha", "Priya Raman", "Priyanka", "P. Rao", "லட்சுமி", "Karthick", "Ωmega", "\ud800x", "nul\0name", ""]
COMPANIES = ["Acme", "Acme Info Edge", "Info Edge", "Globex", None]
PHONES = ["919876543210", "9876543210", "+91 98765 43211", "32 10", None]
MAILS = ["asha@acme.example", "asha@acme.org", "usha.p@acme.example", "ﷺ" * 320 + "@x.example", None]
QUERIES = [
    "asha",
    "priya",
    "pri",
    "karthcik",
    "laxmi",
    "acme",
    "ie",
    "asha acme",
    "3210",
    "+919876543210",
    "@acme",
    "x",
]


@pytest.fixture
def locks(database: Database) -> Iterator[WriterLocks]:
    locks = WriterLocks(database)
    yield locks
    locks.close()


@pytest.fixture
def index(database: Database, locks: WriterLocks) -> PostgresStore:
    return PostgresLocation(database, locks, "https://telecmi.example\n1").take()


class TestPostgresStore(ContactStoreContract):
    """One replica."""


contacts = st.builds(
    Contact,
    contact_id=st.sampled_from([f"c{number}" for number in range(12)]),
    first_name=st.sampled_from(NAMES) | st.text(max_size=6),
    last_name=st.sampled_from([*NAMES, None]),
    company=st.sampled_from(COMPANIES),
    job_title=st.sampled_from(["Engineer", "Site Engineer", "z" * 3000, None]),
    phone_no=st.sampled_from(PHONES),
    email_id=st.sampled_from(MAILS),
)
operations: st.SearchStrategy[tuple[str, Any, int]] = st.one_of(
    st.tuples(st.just("upsert"), st.lists(contacts, max_size=8), st.integers(0, 3)),
    st.tuples(st.just("delete"), st.lists(st.sampled_from(["c0", "c1", "c2", "c3", "nobody"]), max_size=3), st.just(0)),
    st.tuples(st.just("sweep"), st.just([]), st.integers(0, 3)),
)


def do(store: ContactStore, operation: str, some: Any, generation: int) -> object:
    if operation == "upsert":
        return store.upsert(some, generation=generation, state={"at": str(generation)})
    return store.delete(some) if operation == "delete" else store.sweep(generation)


def kept(some: Sequence[Any]) -> list[Any]:
    """What PostgreSQL makes of these contacts: it has no character 0, which no cleaned text has either."""
    return [
        Contact._make(value and value.replace("\0", "?") for value in each) if isinstance(each, Contact) else each
        for each in some
    ]


def seen(store: ContactStore) -> list[object]:
    """All that the search can see of a store, but for the numbers of words."""
    texts = ["asha", "priya", "acme", "info", "^a", "~ie", "zzz"]
    with store.reading() as view:
        terms = view.terms(texts)
        clauses = [frozenset(term.postings(Field)) for term in sorted(terms, key=lambda term: term.text)]
        demands = [(clause,) for clause in clauses] + [(some, clauses[0]) for some in clauses]
        spans = [Span.starting(reach, start) for reach in IndexKey for start in ("", "a", "9", "01")]
        return [
            {term.text: term[2:] for term in terms},
            [[term[1:] for term in some] for some in view.starting(["a", "pri", "", "nobody"], limit=3)],
            [
                {term[1:] for term in some}
                for some in view.near([query_sketches("ahsa"), query_sketches("karthcik"), frozenset()])
            ],
            view.candidates(demands, limit=5) if demands else [],
            view.reached([*spans, Span.one(IndexKey.MAIL_DOMAIN, "acme.example")], limit=3),
            sorted(view.contacts(["c1", "c0", "nobody"])),
            [
                [view.values(facet, [ValueQuery()]), view.groups(facet, [], min_count=1, limit=3)]
                for facet in Facet
                if facet is not Facet.MISSING
            ],
            [row for _, row in view.select([(Facet.MISSING, ["company"]), (Facet.COUNTRY, ["IN"])], after=0, limit=3)],
            view.groups(Facet.PHONE, [(Facet.COMPANY, ["acme"])], min_count=1, limit=3),
            view.spellings(Facet.NAME, ["raman"]),
            [store.count(), *(store.count(generation) for generation in range(4))],
        ]


def without_number(found: Hits) -> Hits:
    """A position ends with the number of a contact, which is each index's own."""
    return replace(found, position=found.position and found.position[:-1])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(operations, min_size=1, max_size=8))
def test_whatever_is_written_it_answers_as_sqlite_does(index: PostgresStore, steps: Sequence[Any]) -> None:
    index.wipe()
    with Index() as oracle:
        for operation, some, generation in steps:
            assert do(index, operation, some, generation) == do(oracle, operation, kept(some), generation)
        assert seen(index) == seen(oracle)
        for query in QUERIES:
            assert without_number(search(index, query, limit=4)) == without_number(search(oracle, query, limit=4))
        assert index.state() == oracle.state()


def test_the_labelled_queries_get_the_same_answers_in_the_same_order(
    index: PostgresStore, address_book: list[Contact]
) -> None:
    queries = [query["q"] for name in ("dev", "val") for query in sample_queries(name)][::8]
    with Index() as oracle:
        for start in range(0, len(address_book), 500):
            page = address_book[start : start + 500]
            assert index.upsert(page, generation=1, state={}) == oracle.upsert(page, generation=1, state={})
        differing = [each for each in queries if search(index, each, limit=10) != search(oracle, each, limit=10)]
    assert (len(queries) > 250, differing) == (True, [])


def test_accounts_with_the_same_contacts_never_meet(database: Database, locks: WriterLocks) -> None:
    ours, theirs = (PostgresLocation(database, locks, owner).take() for owner in ("one", "two"))
    for store, phone in ((ours, "911111111111"), (theirs, "922222222222")):
        same = [person(number, name="Asha", company="Acme")._replace(phone_no=phone) for number in range(3)]
        store.upsert(same, generation=1, state={"whose": phone})
    for store, phone in ((ours, "911111111111"), (theirs, "922222222222")):
        for query in ("Asha Acme", "ahsa", "ash", "c1"):
            assert {hit.contact.phone_no for hit in search(store, query, limit=9).hits} <= {phone}
    assert theirs.delete(["c0"]) == 1
    assert theirs.sweep(2) == 2
    assert seen(theirs) == seen(Index())
    assert {hit.contact.phone_no for hit in search(ours, "Asha Acme", limit=9).hits} == {"911111111111"}
    assert {hit.contact.phone_no for hit in search(ours, "ahsa", limit=9).hits} == {"911111111111"}
    assert (ours.count(), theirs.count(), ours.state()) == (3, 0, {"whose": "911111111111"})
    assert ids(theirs, "+911111111111") == []


def test_a_word_that_moves_to_another_field_is_found_there(index: PostgresStore) -> None:
    index.upsert([person(1, name="Asha", company="Acme")], generation=1, state={})
    index.upsert([person(1, name="Acme", company="Asha")], generation=1, state={})
    with index.reading() as view:
        assert {term.text: term.fields for term in view.terms(["asha", "acme"])} == {"asha": 3, "acme": 3}
    assert ids(index, "acme asha") == ["c1"]


def test_a_page_that_fails_leaves_nothing_behind(index: PostgresStore) -> None:
    index.upsert(people(1), generation=1, state={"cursor": "abc"})
    before = seen(index)
    with pytest.raises(TypeError):
        index.upsert(people(2), generation=1, state={"cursor": object()})  # type: ignore[dict-item]  # the fault under test
    assert (seen(index), index.state()) == (before, {"cursor": "abc"})


def test_a_view_stays_the_same_while_pages_are_written(index: PostgresStore) -> None:
    index.upsert(people(1), generation=1, state={})
    with index.reading() as view:
        assert len(view.contacts(["c1", "c2"])) == 1
        index.upsert(people(2), generation=1, state={})
        assert len(view.contacts(["c1", "c2"])) == 1
    assert index.count() == 2


def test_a_sync_over_what_stayed_the_same_writes_no_contact_again(
    index: PostgresStore, database: Database, address_book: list[Contact]
) -> None:
    index.upsert(address_book[:500], generation=1, state={})
    before = versions(database)
    index.upsert(address_book[:500], generation=2, state={})
    assert versions(database) == before
    assert index.count(2) == 500


def versions(database: Database) -> Sequence[object]:
    """Which transaction wrote each row of the wide tables."""
    with database.connection() as connection:
        return connection.execute(
            "SELECT xmin::text, ctid::text FROM telecmi_mcp.contact UNION ALL "
            "SELECT xmin::text, ctid::text FROM telecmi_mcp.posting UNION ALL "
            "SELECT xmin::text, ctid::text FROM telecmi_mcp.term"
        ).fetchall()


def test_nothing_is_left_of_an_index_that_no_one_used_for_long(database: Database) -> None:
    locks = WriterLocks(database)
    index = PostgresLocation(database, locks, "gone").take()
    index.upsert(people(1, 2), generation=1, state={"at": "1"})
    assert forget_unused(database, seconds=-1) == 0, "it has a writer"
    locks.close()
    assert forget_unused(database, seconds=3600) == 0
    assert forget_unused(database, seconds=-1) == 1
    assert forget_unused(database, seconds=-1) == 0
    with database.connection() as connection:
        for table in ("contact", "posting", "term", "sketch", "mark", "reach", "facet"):
            assert connection.execute(f"SELECT count(*) FROM telecmi_mcp.{table}".encode()).fetchone() == (0,)  # noqa: S608 - constants
