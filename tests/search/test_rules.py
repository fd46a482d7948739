"""The rules of finding, each with contacts of its own, in every backend."""

import pytest

from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._models import Contact
from telecmi_mcp._search import Hits, search
from telecmi_mcp._search.query.sentences import NoQuestion

BOOK = [
    Contact("n1", first_name="Suresh Kumar", last_name="Tandelkar"),
    Contact("n2", first_name="S. K.", last_name="Varadkar"),
    Contact("n3", first_name="MV", last_name="Rathodkar"),
    Contact("n4", first_name="Radhakrishnan", last_name="Tivarekar"),
    Contact("n5", first_name="Vijaya Lakshmi", last_name="Raokar"),
    Contact("n6", first_name="Ludo", last_name="van der Meerkatz"),
    Contact("n7", first_name="Conan", last_name="O'Brienstadt"),
    Contact("n8", first_name="Mohd.", last_name="Imranuddin"),
    Contact("n9", first_name="Robert", last_name="Quackenbush"),
    Contact("n10", first_name="Vikas", last_name="Pillaikar"),
    Contact("n11", first_name="P. Ashvini", last_name=None, company="Kamath Wheels"),
    Contact("n12", first_name="Ramnikbhai", last_name="Patelvadi"),
    Contact("n13", first_name="Priya", last_name="Deshkar", company="Coral Freight Pvt Ltd", phone_no="919840014471"),
    Contact("n14", first_name="Arun", last_name="Deshkar", company="Coral Freight Pvt Ltd", phone_no="919840015582"),
    Contact("c1", first_name="Gaurika", company="Tarvani Byte Services"),
    Contact("c2", first_name="Girish", company="TVQ"),
    Contact("c3", first_name="Harini", company="K.P.M.X."),
    Contact("c4", first_name="Elango", company="D&Z"),
    Contact("c5", first_name="Isaac", company="Acmeville, Inc."),
    Contact("c6", first_name="Latha", company="Make My Tripster"),
    Contact("c7", first_name="Mohan", company="Hathikar & Co."),
    Contact("c8", first_name="Nalini", company="Acmelog Industries", job_title="Logistics Coordinator"),
    Contact("c9", first_name="Omkar", company="Dreks Pharma", job_title="Vice President"),
    Contact("c10", first_name="Pavan", company="Dreks Pharma", job_title="HR Manager"),
    Contact("c11", first_name="Qadir", company="Nordvind Bank of India"),
    Contact("c12", first_name="Rehana", company="NBI"),
    Contact("m1", first_name="Varuna", email_id="varuna.mplus+crm@vexmail.example"),
    Contact("m2", first_name="Bela", email_id="bela.two@vexmail.example, bela.second@kexmail.example"),
    Contact("m3", first_name="Ekta", email_id="ekta@münchnerei.example"),
    Contact("m4", email_id="jayesh.mailonly@vrandel.example"),
    Contact("m5", first_name="Kavita", email_id="kavita_agarwal@freshw.example"),
    Contact("p1", first_name="Ingrid", phone_no="917035550111"),
    Contact("p2", first_name="Ursula", phone_no="17035550222"),
    Contact("p3", first_name="Zubin", phone_no="9811112222 / 9833334444"),
    Contact("p4", first_name="Farid", phone_no="022-24151234/35"),
    Contact("p5", first_name="Gita", phone_no="912224151236 x123"),
    Contact("p6", first_name="Helpline", phone_no="112"),
    Contact("p7", first_name="Sergio", phone_no="+7 916 123-45-61"),
    Contact("p8", first_name="Navin", phone_no="919812345099"),
    Contact("p9", first_name="Thomas", phone_no="5511987654321"),
    Contact("s1", first_name="محمد", last_name="الزهراني"),
    Contact("s2", first_name="Сергей", last_name="Щербаковский"),
    Contact("s3", first_name="张桂香"),
    Contact("s4", first_name="임정식"),
    Contact("s5", first_name="アケミ", last_name="コバヤシ"),
    Contact("s6", first_name="渡辺", last_name="美香"),
    Contact("s7", first_name="דוד", last_name="כהןברג"),
    Contact("s8", first_name="กัญญา", last_name="วงศ์สวัสดิ์"),
    Contact("s9", first_name="Γεωργία", last_name="Οικονομοπούλου"),
    Contact("s10", first_name="සුනිල්", last_name="ගුණවර්ධන"),
    Contact("s11", first_name="Xiu-Zhen", last_name="Heng"),
]  # fmt: skip


@pytest.fixture(scope="module", params=["fts5", "plain"])
def book(request: pytest.FixtureRequest) -> Index:
    index = Index(backend=request.param)
    index.upsert(BOOK, generation=1, state={})
    return index


def ids(hits: Hits) -> list[str]:
    return [hit.contact.contact_id for hit in hits.hits]


@pytest.mark.parametrize(
    ("query", "contact_id"),
    [
        ("SK Tandelkar", "n1"),
        ("S.K. Tandelkar", "n1"),
        ("Suresh K Tandelkar", "n1"),
        ("Tandelkar S", "n1"),
        ("SK Varadkar", "n2"),
        ("Suresh Kumar Varadkar", "n2"),
        ("M.V. Rathodkar", "n3"),
        ("M V Rathodkar", "n3"),
        ("Radha Krishnan Tivarekar", "n4"),
        ("Vijayalakshmi Raokar", "n5"),
        ("Ludo Meerkatz", "n6"),
        ("vandermeerkatz", "n6"),
        ("Ludo v d Meerkatz", "n6"),
        ("OBrienstadt", "n7"),
        ("O Brienstadt", "n7"),
        ("Conan O\N{RIGHT SINGLE QUOTATION MARK}Brienstadt", "n7"),
        ("Brienstadt", "n7"),
        ("Md Imranuddin", "n8"),
        ("Mohammed Imranuddin", "n8"),
        ("Bob Quackenbush", "n9"),
        ("Vicky Pillaikar", "n10"),
        ("Ashvini Prabhukar", "n11"),
        ("Ramnik bhai Patelvadi", "n12"),
        ("Dr. Priya Deshkar ji", "n13"),
        ("mujhe Priya Deshkar ka number chahiye", "n13"),
    ],
)
def test_names_are_found_in_each_of_their_forms(book: Index, query: str, contact_id: str) -> None:
    found = search(book, query, limit=3)
    assert ids(found)[:1] == [contact_id]
    assert found.hits[0].match != "partial"


@pytest.mark.parametrize(
    ("query", "contact_id"),
    [
        ("Gaurika at TBS", "c1"),
        ("Gaurika T.B.S.", "c1"),
        ("Girish at T.V.Q.", "c2"),
        ("T V Q", "c2"),
        ("KPMX", "c3"),
        ("D and Z", "c4"),
        ("dnz", "c4"),
        ("Acmeville Incorporated", "c5"),
        ("Isaac, Acmeville, Inc.", "c5"),
        ("MakeMyTripster", "c6"),
        ("Hathikar and Company", "c7"),
        ("M/s Hathikar", "c7"),
        ("VP at Dreks Pharma", "c9"),
        ("Human Resources Manager of Dreks Pharma", "c10"),
        ("Rehana Nordvind Bank of India", "c12"),
        ("Qadir NBI", "c11"),
        ("4471 Coral Freight", "n13"),
        ("number ending 5582 at Coral Freight", "n14"),
    ],
)
def test_companies_and_titles_are_found_in_each_of_their_forms(book: Index, query: str, contact_id: str) -> None:
    found = search(book, query, limit=3)
    assert ids(found)[:1] == [contact_id]
    assert found.hits[0].match != "partial"


@pytest.mark.parametrize(
    ("query", "contact_id", "match"),
    [
        ("varuna.mplus+crm@vexmail.example", "m1", "exact"),
        ("varuna.mplus@vexmail.example", "m1", "exact"),
        ("varuna.mplus+news@vexmail.example", "m1", "fuzzy"),
        ("bela.second@kexmail.example", "m2", "exact"),
        ("ekta@xn--mnchnerei-q9a.example", "m3", "exact"),
        ("ekta at münchnerei dot example", "m3", "exact"),
        ("mailonly", "m4", "prefix"),
        ("kavita_agarwla@freshw.example", "m5", "fuzzy"),
        ("kavita_agarwal@frehsw.example", "m5", "fuzzy"),
        ("kvaita_agarwal@freshw.example", "m5", "fuzzy"),
    ],
)
def test_addresses_are_found_with_one_slip_too(book: Index, query: str, contact_id: str, match: str) -> None:
    found = search(book, query, limit=3)
    assert [(hit.contact.contact_id, hit.match) for hit in found.hits][:1] == [(contact_id, match)]


@pytest.mark.parametrize("query", ["kavita_agarwalla_x@freshw.example", "nobody@vexmail.example"])
def test_an_address_of_nobody_finds_nobody(book: Index, query: str) -> None:
    assert ids(search(book, query, limit=3)) == []


@pytest.mark.parametrize(
    ("query", "contact_id", "match"),
    [
        ("+91 70355 50111", "p1", "exact"),
        ("7035550111", "p1", "exact"),
        ("(703) 555-0222", "p2", "exact"),
        ("9833334444", "p3", "exact"),
        ("02224151235", "p4", "exact"),
        ("22 2415 1236 ext 123", "p5", "exact"),
        ("whatsapp:+919812345099", "p8", "exact"),
        ("112", "p6", "exact"),
        ("8 916 123-45-61", "p7", "exact"),
        ("+55 11 8765-4321", "p9", "exact"),
        ("812345099", "p8", "prefix"),
        ("+91 98123", "p8", "prefix"),
        ("5099", "p8", "prefix"),
    ],
)
def test_numbers_are_found_however_they_are_written(book: Index, query: str, contact_id: str, match: str) -> None:
    found = search(book, query, limit=3)
    assert [(hit.contact.contact_id, hit.match) for hit in found.hits][:1] == [(contact_id, match)]


@pytest.mark.parametrize("query", ["+1 703 555 0111", "0017035550111", "+977 7035550111", "917035550222", "9812345098"])
def test_another_countrys_number_is_nobodys(book: Index, query: str) -> None:
    assert ids(search(book, query, limit=3)) == []


@pytest.mark.parametrize(
    ("query", "contact_id"),
    [
        ("Mohammed Alzahrani", "s1"),
        ("Mohammed Zahrani", "s1"),
        ("Sergei Shcherbakovsky", "s2"),
        ("Zhang Gui Xiang", "s3"),
        ("Guixiang Zhang", "s3"),
        ("张 桂香", "s3"),
        ("Jeong Sik Lim", "s4"),
        ("Kobayashi Akemi", "s5"),
        ("こばやし あけみ", "s5"),
        ("Watanabe Mika", "s6"),
        ("David Cohenberg", "s7"),
        ("Kanya Wongsawat", "s8"),
        ("Georgia Oikonomopoulou", "s9"),
        ("Sunil Gunawardhana", "s10"),
        ("Heng Xiuzhen", "s11"),
    ],
)
def test_names_are_found_across_scripts(book: Index, query: str, contact_id: str) -> None:
    found = search(book, query, limit=3)
    assert ids(found)[:1] == [contact_id]
    assert found.hits[0].match != "partial"


def test_where_nobody_has_all_words_the_nearest_are_partial_and_the_missing_words_are_named(book: Index) -> None:
    found = search(book, "Suresh Kumar Tandelkar Vrandelkis", limit=3)
    assert [(hit.contact.contact_id, hit.match) for hit in found.hits] == [("n1", "partial")]
    assert found.missing == ("vrandelkis",)


def test_more_than_one_word_may_be_missing(book: Index) -> None:
    found = search(book, "Zarquon Tandelkar Vrandelkis Blort", limit=3)
    assert (ids(found), found.missing) == (["n1"], ("zarquon", "vrandelkis", "blort"))


@pytest.mark.parametrize("query", ["Zarquon Vrandelkis", "Blort", "+91 5022014953 Zarquon"])
def test_where_nobody_has_any_word_nobody_is_shown(book: Index, query: str) -> None:
    assert search(book, query, limit=3).hits == ()


@pytest.mark.parametrize(
    "query",
    [
        "Gaurika at Coral Freight",
        "Vikas Quackenbush",
        "Prabhu Kamath",
        "HR at Coral Freight",
        "Priya at Dreks Pharma",
        "Nalini at D&Z",
    ],
)
def test_two_things_that_are_true_of_two_people_are_true_of_nobody(book: Index, query: str) -> None:
    assert {hit.match for hit in search(book, query, limit=5).hits} <= {"partial"}


def test_a_hit_says_in_which_fields_its_words_were_found(book: Index) -> None:
    (hit,) = search(book, "Acmelog Logistics", limit=3).hits
    assert (hit.contact.contact_id, hit.fields) == ("c8", ("company", "job_title"))


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("hi", NoQuestion.GREETING),
        ("name", NoQuestion.FIELD_WORD),
        ("*", NoQuestion.FIELD_WORD),
        ("how many", NoQuestion.AGGREGATE),
    ],
)
def test_what_asks_for_nobody_is_answered_with_nobody_and_why(book: Index, query: str, kind: NoQuestion) -> None:
    found = search(book, query, limit=3)
    assert (found.hits, found.no_question) == ((), kind)


def test_everybody_at_a_company_is_answered_and_known_as_a_question_about_the_whole_book(book: Index) -> None:
    found = search(book, "everybody at Coral Freight", limit=5)
    assert set(ids(found)) == {"n13", "n14"}
    assert found.no_question is NoQuestion.AGGREGATE


@pytest.mark.parametrize(
    ("query", "contact_ids"),
    [
        ("Priya Deshkar and Robert Quackenbush", {"n13", "n9"}),
        ("Priya Deshkar, Robert Quackenbush", {"n13", "n9"}),
        ("Gaurika and Ursula", {"c1", "p2"}),
        ("9811112222 or 7035550111", {"p3", "p1"}),
    ],
)
def test_two_people_in_one_query_are_both_answered(book: Index, query: str, contact_ids: set[str]) -> None:
    found = search(book, query, limit=4)
    assert set(ids(found)[:2]) == contact_ids
    assert found.part_count == 2
    assert {hit.match for hit in found.hits[:2]} == {"exact"}
