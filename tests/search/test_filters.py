"""Which contacts a filter means, and how they are counted and grouped: each rule over contacts of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telecmi_mcp import Contact
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._search.filters import ContactFilter, Counts, count_groups, resolve
from telecmi_mcp._search.store import Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telecmi_mcp._search.filters import ResolvedFilter

FIELDS = ("phone_no", "first_name", "last_name", "email_id", "company", "job_title")


def index_of(contacts: Sequence[Contact]) -> Index:
    index = Index()
    index.upsert(contacts, generation=1, state={})
    return index


def companies(*names: str) -> list[Contact]:
    return [Contact(str(number), company=name) for number, name in enumerate(names)]


def titles(*names: str) -> list[Contact]:
    return [Contact(str(number), job_title=name) for number, name in enumerate(names)]


def resolved(contacts: Sequence[Contact], asked: ContactFilter) -> tuple[ResolvedFilter, list[Contact]]:
    """Return a filter and the contacts that it selects, which are those that it accepts."""
    with index_of(contacts) as index, index.reading() as view:
        found = resolve(view, asked)
        selected = [row for _, row in view.select(found.conditions, after=0, limit=99)]
        assert view.count(found.conditions) == len(selected)
    assert selected == [contact for contact in contacts if found.accepts(contact)]
    return found, selected


def of_company(asked: str, *names: str) -> list[str | None]:
    return [contact.company for contact in resolved(companies(*names), ContactFilter(company=asked))[1]]


def of_title(asked: str, *names: str) -> list[str | None]:
    return [contact.job_title for contact in resolved(titles(*names), ContactFilter(job_title=asked))[1]]


@pytest.mark.parametrize(
    ("asked", "same", "others"),
    [
        ("acme", ["Acme Pvt. Ltd.", "ACME (P) LTD", "M/s Acme", "Acme Ltd"], ["Acme Labs", "The Acme", "Acm"]),
        ("TVQ Industries", ["T.V.Q. Industries", "T V Q Industries Ltd"], ["TVQ", "TV Industries"]),
        ("Larsen and Toubro", ["Larsen & Toubro Ltd", "Larsen n Toubro", "L&T", "LNT"], ["Larsen", "Toubro Larsen"]),
        ("lnt", ["L&T", "L and T", "Larsen & Toubro"], ["LN Traders"]),
        ("tcs", ["Tata Consultancy Services", "T.C.S."], ["Tata Services"]),
        ("State Bank of India", ["SBI", "State Bank of India"], ["Bank of India", "Other State Bank of India"]),
        ("infoedge", ["Info Edge", "InfoEdge Ltd"], ["Info Edge Labs"]),
        ("IE", ["Info Edge (India) Ltd", "Infinite Energy"], ["Edge Info"]),
        ("MSIL", ["Maruti Suzuki India Limited"], ["Suzuki India"]),
        ("VKW", ["VKW", "Vantage Kiln Works"], ["Vantage Works"]),
        ("SK", ["SK"], ["Sri Krishna"]),
        ("Acme Private Limited", ["Acme"], ["Private Acme", "Acme Labs Private Limited"]),
        ("AS Traders", ["A.S. Traders"], ["Traders", "SA Traders"]),
        ("SA", ["SA"], ["Acme SA"]),
        ("Acme Chennai", ["Acme Private Limited Chennai", "Acme Ltd Chennai"], ["Acme Private Chennai"]),
        ("京都", ["京都"], ["東京都"]),
    ],
)
def test_a_company_is_meant_by_its_whole_name(asked: str, same: list[str], others: list[str]) -> None:
    assert of_company(asked, *same, *others) == same


@pytest.mark.parametrize(
    ("asked", "names", "found"),
    [
        ("Acme Labs", ["Acme Research Labs", "Labs of Acme", "Acme Lab"], ["Acme Research Labs"]),
        ("Bank of Baroda", ["Bank of Baroda Chennai", "Baroda Bank"], ["Bank of Baroda Chennai"]),
        ("infoedge", ["Info Edge Labs", "Info Hedge"], ["Info Edge Labs"]),
        ("acme", ["Acme Labs", "The Acme Group", "Acmeco"], ["Acme Labs", "The Acme Group"]),
    ],
)
def test_where_no_company_has_the_name_those_are_meant_that_hold_its_words_in_order(
    asked: str, names: list[str], found: list[str]
) -> None:
    assert of_company(asked, *names) == found


@pytest.mark.parametrize(
    "asked", ["Pvt Ltd", "limited", "  ", "&", "-", "N/A", "of the", "the company", "private & co."]
)
def test_a_filter_without_a_name_finds_no_one(asked: str) -> None:
    names = ["Acme Pvt Ltd", "The Beta Company Limited", "Gamma & Co", "N/A", "-"]
    assert of_company(asked, *names) == []
    assert of_title(asked, "Manager", "-", "N/A") == []


def test_an_empty_filter_accepts_everybody() -> None:
    assert resolved(companies("Acme", "-"), ContactFilter())[1] == companies("Acme", "-")


def test_a_typo_finds_no_one_and_suggests_companies_that_are_never_counted() -> None:
    staff = companies("Acme Logistics", "Acme Logistics Ltd", "Globex", "Acme Logistic Works")
    found, selected = resolved(staff, ContactFilter(company="Acme Logistiks"))
    assert (selected, found.companies, found.company_count) == ([], (), 0)
    assert found.suggestions == ("Acme Logistics", "Acme Logistic Works")
    counts = count_groups(index_of(staff), ContactFilter(company="Acme Logistiks"), group_by="company")
    assert counts == Counts(total=0, company_count=0, suggestions=("Acme Logistics", "Acme Logistic Works"))


@pytest.mark.parametrize("asked", ["Qwzxv", "Pvt Ltd", "Acme Hydraulics"])
def test_no_company_is_suggested_that_is_not_similar(asked: str) -> None:
    assert resolved(companies("Acme Logistics", "Globex"), ContactFilter(company=asked))[0].suggestions == ()


def test_five_suggestions_and_companies_at_most_are_named_the_largest_first() -> None:
    names = [f"Acme {word}" for word in ("Foods", "Tools", "Labs", "Works", "Motors", "Paints")]
    staff = companies(*names, "ACME PAINTS LTD", "Acme Paints")
    found, _ = resolved(staff, ContactFilter(company="acme"))
    assert found.companies == ("Acme Paints", "Acme Foods", "Acme Labs", "Acme Motors", "Acme Tools")
    assert (found.company_count, found.suggestions) == (6, ())
    assert len(resolved(staff, ContactFilter(company="acmee"))[0].suggestions) == 5


@pytest.mark.parametrize(
    ("asked", "same", "others"),
    [
        ("manager", ["Manager", "Sales Manager", "Mgr - Sales"], ["Management Trainee", "Manger"]),
        ("sales manager", ["Manager, Sales", "Sr. Sales Mgr"], ["Sales", "Manager"]),
        ("MD", ["Managing Director", "M.D.", "MD & CEO"], ["Marketing Director", "Director"]),
        ("managing director", ["MD", "Managing Director"], ["Marketing Director", "Managing Partner"]),
        ("CEO", ["Chief Executive Officer", "C.E.O", "CEO"], ["Chief Electrical Officer", "Executive Officer"]),
        ("vp sales", ["Vice President - Sales", "VP, Sales"], ["VP", "Sales"]),
        ("Vice-President (Sales)", ["VP Sales"], ["VP Marketing"]),
        ("hr manager", ["Human Resources Manager", "Manager HR"], ["HR"]),
        ("XYO", ["Xylem Yield Officer"], ["Officer"]),
        ("sales & marketing head", ["Head - Sales and Marketing"], ["Sales Head"]),
        ("managing director hr", ["MD Human Resources"], ["MD"]),
    ],
)
def test_a_job_title_holds_all_words_long_or_short(asked: str, same: list[str], others: list[str]) -> None:
    assert of_title(asked, *same, *others) == same


@pytest.mark.parametrize(
    "filler",
    [None, "", " ", "NA", "n/a", "N.A.", "-", "--", "xyz", "nil", "NONE", "null", "Not Available", "xxx", "000"],
)
@pytest.mark.parametrize("field", FIELDS)
def test_a_filler_is_missing_in_every_field(field: str, filler: str | None) -> None:
    whole = Contact("1", "919876543210", "Asha", "Rao", "asha@acme.example", "Acme", "Manager")
    contacts = [whole, whole._replace(contact_id="2", **{field: filler})]
    assert [contact.contact_id for contact in resolved(contacts, ContactFilter(missing=(field,)))[1]] == ["2"]


@pytest.mark.parametrize(
    ("field", "value", "is_missing"),
    [
        ("phone_no", "0000000000", True),
        ("phone_no", "+91 99999 99999", True),
        ("phone_no", "ask reception", True),
        ("phone_no", "100", False),
        ("phone_no", "0000000000 / 919876543210", False),
        ("email_id", "na@na.com", True),
        ("email_id", "acme", True),
        ("email_id", "na@acme.example", False),
        ("email_id", "p.rao at acme dot example", False),
        ("first_name", "Na", False),
        ("last_name", "Null", False),
        ("last_name", "N A", False),
        ("first_name", "A", False),
        ("first_name", "Xu", False),
        ("first_name", "李", False),
        ("company", "3M", False),
        ("company", "X", False),
        ("company", "Nil Kamal", False),
        ("job_title", "No", True),
    ],
)
def test_a_real_value_is_not_missing(field: str, value: str, is_missing: bool) -> None:
    contacts = [Contact("1", **{field: value})]
    assert bool(resolved(contacts, ContactFilter(missing=(field,)))[1]) is is_missing


def test_contacts_must_lack_every_missing_field_and_meet_all_filters() -> None:
    contacts = [
        Contact("1", company="Acme", job_title="Manager"),
        Contact("2", company="Acme", job_title="Manager", email_id="a@acme.example"),
        Contact("3", company="Acme", email_id="-"),
        Contact("4", company="Globex", job_title="Manager"),
    ]
    asked = ContactFilter(company="acme ltd", job_title="mgr", missing=("email_id", "phone_no"))
    assert resolved(contacts, asked)[1] == contacts[:1]


def test_companies_that_differ_in_form_case_or_dots_are_one_group_in_its_commonest_spelling() -> None:
    staff = companies("Acme Ltd", "ACME", "Acme Ltd", "acme (P) Ltd", "Globex", "NA")
    found = count_groups(index_of(staff), ContactFilter(), group_by="company", max_groups=1)
    assert found == Counts(total=6, groups=(Group("Acme Ltd", 4),), more_groups=1, in_no_group=1)


def test_a_count_says_which_companies_it_counted() -> None:
    staff = [*companies("Acme Labs", "Acme Foods", "Globex"), Contact("x", company="acme foods", job_title="Clerk")]
    found = count_groups(index_of(staff), ContactFilter(company="acme"), group_by="job_title")
    assert found == Counts(
        total=3,
        groups=(Group("Clerk", 1),),
        in_no_group=2,
        companies=("Acme Foods", "Acme Labs"),
        company_count=2,
    )
    assert count_groups(index_of(staff), ContactFilter(company="acme")).groups == ()


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        ("phone_no", [Group("+91 98765 43210", 3)]),
        ("email_id", [Group("asha@acme.example", 2)]),
        ("name", [Group("Asha Rao", 3)]),
        ("email_domain", [Group("acme.example", 2), Group("globex.example", 1)]),
        ("country", [Group("IN", 2), Group("US/CA", 1)]),
    ],
)
def test_duplicates_are_compared_as_the_search_does(group_by: str, expected: list[Group]) -> None:
    contacts = [
        Contact("1", "+91 98765 43210", "Asha", "Rao", "Asha@Acme.example"),
        Contact("2", "09876543210", "Dr. Rao", "Asha", "asha@acme.example "),
        Contact("3", "919876543210", "Asha", "Rao", "asha@globex.example"),
        Contact("4", "+1 212 555 0100", "Usha", "Rao"),
    ]
    found = count_groups(index_of(contacts), ContactFilter(), group_by=group_by)  # type: ignore[arg-type]  # a text
    assert list(found.groups) == expected


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Mr Ravi Kumar", "Kumar Ravi Ji", True),
        ("S. K. Rao", "Rao SK", True),
        ("Ravi Kumar Jr", "Ravi Kumar Sr", False),
        ("Anna Paul", "Ben Paul", False),
        ("Dr", "Mr", False),
        ("Swami Rafi", "Rafi", False),
    ],
)
def test_a_name_is_the_same_in_any_order_without_words_of_respect(one: str, other: str, is_same: bool) -> None:
    contacts = [Contact(str(number), first_name=name) for number, name in enumerate((one, other))]
    assert bool(count_groups(index_of(contacts), ContactFilter(), group_by="name").groups) is is_same
