import random
from typing import get_args

import pytest

from telecmi_mcp._index.postings import Backend
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._models import Contact, MatchName
from telecmi_mcp._search import search
from telecmi_mcp._search.matching.rank import MATCH_NAMES
from telecmi_mcp._search.matching.word_match import Match

PEOPLE = [
    Contact(
        contact_id="2d9bd157-1e78-40a2-be33-e72be08d2fee",
        first_name="Priya",
        last_name="Rao",
        company="Acme Foods Pvt Ltd",
    ),
    Contact(
        contact_id="c2", first_name="Priyanka", last_name="Rao", phone_no="919876543210", email_id="p.rao@acme.example"
    ),
    Contact(
        contact_id="c3",
        first_name="Karthick",
        last_name="Subramanian",
        company="Info Edge",
        job_title="Chief Technology Officer",
    ),
    Contact(contact_id="c4", first_name="लक्ष्मी", last_name="नायर", phone_no="09812345678"),
    Contact(
        contact_id="c5", first_name="Anand", last_name="K", phone_no="442079460958", email_id="anandk@globex.example"
    ),
    Contact(
        contact_id="c6", first_name="Of", last_name="Mobile", company="World of Mobile Works", phone_no="6587654321"
    ),
    Contact(contact_id="c7"),
]


@pytest.fixture
def index(backend: Backend) -> Index:
    index = Index(backend=backend)
    index.upsert(PEOPLE, generation=1, state={})
    return index


def found(index: Index, query: str, limit: int = 5) -> list[tuple[str, str]]:
    return [(hit.contact.contact_id[:2], hit.match) for hit in search(index, query, limit=limit).hits]


@pytest.mark.parametrize(
    ("query", "hit"),
    [
        ("2d9bd157-1e78-40a2-be33-e72be08d2fee", ("2d", "exact")),
        ("Priya Rao", ("2d", "exact")),
        ("Rao, Priya", ("2d", "exact")),
        ("what is Priya's number at Acme?", ("2d", "exact")),
        ("p rao", ("2d", "prefix")),
        ("priyank", ("c2", "prefix")),
        ("Kartik Subramaniam", ("c3", "fuzzy")),
        ("karthcik", ("c3", "fuzzy")),
        ("CTO at Info Edge", ("c3", "exact")),
        ("ie", ("c3", "exact")),
        ("Laxmi Nair", ("c4", "fuzzy")),
        ("லட்சுமி", ("c4", "fuzzy")),
        ("+91 98765-43210", ("c2", "exact")),
        ("०९८७६५४३२१०", ("c2", "exact")),
        ("3210", ("c2", "prefix")),
        ("98765", ("c2", "prefix")),
        ("98123 45678", ("c4", "exact")),
        ("+44 20 7946 0958", ("c5", "exact")),
        ("020 7946 0958", ("c5", "exact")),
        ("P.Rao@ACME.example", ("c2", "exact")),
        ("p.rao", ("c2", "exact")),
        ("acme.example", ("c2", "exact")),
        ("@globex", ("c5", "prefix")),
        ("anandk", ("c5", "exact")),
        ("Anand K", ("c5", "exact")),
        ("World of Mobile", ("c6", "exact")),
        ("Rao 9876543210", ("c2", "exact")),
    ],
)
def test_people_are_found_by_whatever_is_known_of_them(index: Index, query: str, hit: tuple[str, str]) -> None:
    assert found(index, query)[0] == hit


@pytest.mark.parametrize(
    "query", ["Priya at Vrandelkis", "Priya Rao Vrandelkis", "Karthick 9999999999", "Anand nobody@nowhere.example"]
)
def test_an_answer_to_a_part_of_the_question_is_partial(index: Index, query: str) -> None:
    matches = {match for _, match in found(index, query)}
    assert matches == {"partial"}


def test_a_number_of_somebody_else_is_partial(index: Index) -> None:
    assert found(index, "Anand 9876543210") == [("c2", "partial")]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "?",
        "zzkqwx",
        "+91 5022014953",
        "0000",
        "x@y.invalid",
        "@",
        "+",
        "2d9bd157-1e78-40a2-be33-000000000000",
    ],
)
def test_nonsense_finds_nothing(index: Index, query: str) -> None:
    assert found(index, query) == []


def test_a_fragment_of_an_indian_number_is_not_cut_from_a_foreign_looking_one(index: Index) -> None:
    assert found(index, "+91 65876 54321")[0] == ("c6", "exact")
    assert found(index, "+91 99876 54321") == []


def test_more_is_said_to_be_there_only_when_it_is(index: Index) -> None:
    assert not search(index, "rao", limit=2).has_more
    assert search(index, "rao", limit=1).has_more


def test_a_contact_comes_back_as_it_was_given(index: Index) -> None:
    assert search(index, "Karthick Subramanian", limit=1).hits[0].contact == PEOPLE[2]


def test_the_script_of_the_query_comes_first(backend: Backend) -> None:
    index = Index(backend=backend)
    people = [("a", "अमित"), ("b", "Amit")]
    index.upsert([Contact(contact_id=i, first_name=name) for i, name in people], generation=1, state={})
    assert [i for i, _ in found(index, "Amit")] == ["b", "a"]
    assert [i for i, _ in found(index, "अमित")] == ["a", "b"]


def hostile_queries(count: int) -> list[str]:
    dice = random.Random(20240731)  # noqa: S311 - a seed, so that a failure can be had again
    pieces = [
        *(
            "'",
            '"',
            "*",
            "(",
            ")",
            "AND",
            "OR",
            "NOT",
            "NEAR(",
            "^",
            ":",
            "--",
            ";",
            "DROP TABLE contact",
            "%",
            "_",
            "\\",
        ),
        *(
            "\x00",
            "\x1b",
            "\u202e",
            "\u200d",
            "\ufeff",
            "\ud800",
            "\udfff",
            "\U0010ffff",
            "😀",
            "👩\u200d👩\u200d👧",
            "\ufdfa" * 3,
        ),
        *(
            "9" * 40,
            "+91",
            "0" * 9,
            "१२३४",
            "@",
            ".",
            "a@b",
            "e\u0301" * 9,
            "ﬃ",
            "İ",
            "ß",
            "ி",
            "്",
            "़",
            "राम",
            "ராம்",
            "王小明",
        ),
        *("priya", "rao", "a", "x" * 90, "what is", "'s", "at", "tokens:", "{}", "NULL", "1e309", "<b>", "\t", "\r\n"),
    ]
    queries = [
        "".join(dice.choice(("", " ")) + dice.choice(pieces) for _ in range(dice.randrange(9)))
        for _ in range(count - 6)
    ]
    return [*queries, "a" * 100_000, "9" * 100_000, "राम" * 9_000, "\ud800" * 9_000, "a@" * 9_000, "( " * 9_000]


@pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_no_query_raises_whatever_it_holds(backend: Backend, address_book: list[Contact], count: int) -> None:
    index = Index(backend=backend)
    index.upsert([*PEOPLE, *address_book[:300]], generation=1, state={})
    for query in hostile_queries(count):
        assert len(search(index, query, limit=3).hits) <= 3


@pytest.mark.parametrize("count", [300, pytest.param(2_000, marks=pytest.mark.slow)])
def test_no_contact_raises_whatever_it_holds(backend: Backend, count: int) -> None:
    index = Index(backend=backend)
    texts = hostile_queries(count)
    contacts = [
        Contact(
            contact_id=f"c{place}",
            first_name=text,
            company=text,
            phone_no=text,
            email_id=text,
            last_name=None,
            job_title=text,
        )
        for place, text in enumerate(texts)
    ]
    for start in range(0, len(contacts), 100):
        index.upsert(contacts[start : start + 100], generation=1, state={})
    assert index.upsert(contacts[:100], generation=2, state={}).unchanged == 100
    assert index.sweep(2) == len(texts) - 100
    for text in texts[:200]:
        search(index, text, limit=3)


def test_every_kind_of_match_has_the_name_that_the_output_schema_lists() -> None:
    assert tuple(MATCH_NAMES[match] for match in Match) == get_args(MatchName)
