"""Invents the address book of the evaluation: 4,000 contacts, the same on every machine.

The numbers are of ranges for fiction, the addresses of domains for examples, as in the sandbox.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from evals.people import BRANDS, FAMILY, FILLERS, FORMS, GIVEN, LARGE, ORDERS, TITLES, TRADES
from telecmi_mcp.sandbox import Contact
from telecmi_mcp.sandbox.names import CYCLE, read_names
from telecmi_mcp.sandbox.people import Random
from telecmi_mcp.sandbox.phone_numbers import draw_phone_no

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evals.people import Order

SIZE: Final = 4000
SEED: Final = 20
_MEDIUM: Final = 60
"""How many companies have between 8 and 40 people."""
_WITHOUT_COMPANY: Final = 290
_SHARED_NUMBERS: Final = (2, 2, 2, 3, 3, 4, 5, 6)
"""How many contacts have the same number, for each of the shared numbers."""
_SHARED_ADDRESSES: Final = (2, 2, 3, 4)
_FIRST_ORDER: Final = 700
_ORDERS_APART: Final = 400
_COUNTRIES: Final = ("in",) * 40 + ("gb", "gb", "gb", "us", "us", "au", "de", "fr", "ie")
_PRIVATE_HOSTS: Final = ("example.com", "example.org", "example.net")


class Entry(NamedTuple):
    """A contact, and its name in Latin letters."""

    contact: Contact
    latin: str


class _Company(NamedTuple):
    """A company, with the legal forms in which the book writes it."""

    name: str
    forms: tuple[str, ...]

    @property
    def host(self) -> str:
        return f"{self.name.lower().replace(' ', '-')}.example" if self.name else ""


@cache
def make_entries(size: int = SIZE) -> tuple[Entry, ...]:
    """Return the contacts with their Latin names."""
    companies, used = _companies(size), {_shared_number(number) for number in range(len(_SHARED_NUMBERS))}
    entries = [_make_entry(place, companies[place], used) for place in range(size)]
    _share(entries, companies, field="phone_no", sizes=_SHARED_NUMBERS)
    _share(entries, companies, field="email_id", sizes=_SHARED_ADDRESSES)
    names = Counter(entry.latin for entry in entries)
    for number, order in enumerate(ORDERS):
        rest = entries[_FIRST_ORDER + number * _ORDERS_APART :]
        whole = (entry for entry in rest if names[entry.latin] == 1 and _is_whole(entry.contact))
        for entry in islice(whole, 1):
            _set_field(entry.contact, order.field, order.text)
    return tuple(entries)


def make_book(size: int = SIZE) -> tuple[Contact, ...]:
    """Return the contacts of the book in TeleCMI's form."""
    return tuple(entry.contact for entry in make_entries(size))


def order_holder(order: Order) -> Contact:
    """Return the contact that holds an order."""
    return next(contact for contact in make_book() if contact[order.field] == order.text)  # type: ignore[literal-required] # one of the seven


def book_hash() -> str:
    """Return a short hash of the whole book."""
    return sha256(repr(make_book()).encode()).hexdigest()[:16]


def _companies(size: int) -> list[_Company]:
    """Return the company of each place, in an order that does not show it."""
    slots = [_Company(name, forms) for name, (count, forms) in LARGE.items() for _ in range(count)]
    slots += [_Company("", ("",))] * _WITHOUT_COMPANY
    others = list(_other_companies())
    for number, company in enumerate(others[:_MEDIUM]):
        slots += [company] * (8 + number * 32 // _MEDIUM)
    rest = others[_MEDIUM:]
    slots += [rest[number % len(rest)] for number in range(max(0, SIZE - len(slots)))]
    order = sorted(range(len(slots)), key=lambda place: Random(SEED, place + 1_000_000).below(1 << 64))
    return [slots[place] for place in order[:size]]


def _other_companies() -> Iterator[_Company]:
    for number in range(len(BRANDS) * len(TRADES)):
        brand, trade = BRANDS[number % len(BRANDS)], TRADES[(number // len(BRANDS)) % len(TRADES)]
        form = FORMS[number % len(FORMS)]
        yield _Company(f"{brand} {trade}", (form,) if number % 3 else (form, ""))


def _make_entry(place: int, company: _Company, used: set[str]) -> Entry:
    rng = Random(SEED, place)
    contact_id = str(UUID(int=rng.below(1 << 128), version=4))
    (first, first_ascii), (last, last_ascii) = _draw_name(rng, place)
    last, last_ascii = ("", "") if rng.happens(4) else (last, last_ascii)
    host = company.host or rng.pick(_PRIVATE_HOSTS)
    local = ".".join(part for part in (first_ascii.lower(), last_ascii.lower()) if part)
    contact = Contact(
        contact_id=contact_id,
        phone_no=_gap(rng, _draw_number(rng, used), empty=3),
        first_name=first,
        last_name=last,
        email_id=_gap(rng, _unused(f"{local}@{host}", place, used), empty=12),
        company=_gap(rng, _written(company, rng), empty=0) if company.name else "",
        job_title=_gap(rng, rng.pick(TITLES), empty=13),
    )
    return Entry(contact, f"{first_ascii} {last_ascii}".strip().title())


def _draw_name(rng: Random, place: int) -> tuple[tuple[str, str], tuple[str, str]]:
    if rng.happens(22):
        region = CYCLE[place % len(CYCLE)]
        return rng.pick(read_names(region.given)), rng.pick(read_names(region.family))
    given, family = rng.pick(GIVEN), rng.pick(FAMILY)
    return (given, given), (family, family)


def _draw_number(rng: Random, used: set[str]) -> str:
    """Draw a number that no other contact has, from the ranges for fiction, some of which are small."""
    country = rng.pick(_COUNTRIES)
    while True:
        number = draw_phone_no(country, rng.below)
        if number not in used:
            used.add(number)
            return number


def _unused(address: str, place: int, used: set[str]) -> str:
    if address in used:
        address = address.replace("@", f"{place}@")
    used.add(address)
    return address


def _gap(rng: Random, value: str, *, empty: int) -> str:
    """Return the value, nothing in `empty` percent of all cases, and a filler in one more percent."""
    drawn = rng.below(100)
    if drawn < empty:
        return ""
    return rng.pick(FILLERS) if drawn == empty else value


def _written(company: _Company, rng: Random) -> str:
    return f"{company.name} {rng.pick(company.forms)}".strip()


def _share(entries: list[Entry], companies: list[_Company], *, field: str, sizes: tuple[int, ...]) -> None:
    """Give several people of a company the same number, as a switchboard, or the same address, as a mailbox."""
    others = list(_other_companies())
    start = 0 if field == "phone_no" else len(_SHARED_NUMBERS)
    for number, count in enumerate(sizes, start):
        company = others[number]
        places = [place for place, each in enumerate(companies) if each.name == company.name][:count]
        holders = [entries[place].contact for place in places]
        value = _shared_number(number) if field == "phone_no" else f"office@{company.host}"
        for holder in holders:
            _set_field(holder, field, value)


def _shared_number(number: int) -> str:
    return f"9144055500{number:02}"


def _is_whole(contact: Contact) -> bool:
    """Return True if every field has a value, and the name is in Latin letters."""
    values = [str(value) for value in contact.values()]
    return all(value and value not in FILLERS for value in values) and "".join(values).isascii()


def _set_field(contact: Contact, field: str, text: str) -> None:
    contact[field] = text  # type: ignore[literal-required] # the field is one of the seven
