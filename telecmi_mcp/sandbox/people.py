"""Invents any number of people; the same seed gives the same people on every machine and Python."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, TypedDict, TypeVar, cast
from uuid import UUID

from telecmi_mcp.sandbox.names import CYCLE, Name, Region, read_names
from telecmi_mcp.sandbox.phone_numbers import draw_phone_no

DEFAULT_COUNT: Final = 150
DEFAULT_SEED: Final = 1

_BRANDS = (
    "Quillmoor", "Bramblewick", "Tamarosk", "Zephyrine", "Nilavanta", "Ostrella", "Kaveranta", "Fennhollow",
    "Morvane", "Suryakiran Nava", "Halcyra", "Vindhara", "Peppercoil", "Larkmere", "Indravel", "Gloamfield",
)  # fmt: skip
_TRADES = ("Textiles", "Logistics", "Foods", "Robotics", "Clinics", "Timber", "Solar", "Tea")
_FORMS = {"in": "Pvt Ltd", "gb": "Ltd", "us": "Inc", "au": "Pty Ltd", "de": "GmbH", "fr": "SA", "ie": "DAC"}
_JOBS = (
    "Software Engineer", "Head of Sales", "Purchasing Manager", "Accountant", "Founder & CEO",
    "Warehouse Supervisor", "Nurse", "Professor", "R&D Chemist", "Sales Executive", "Office Manager",
    "Driver", "Support Lead", "Chargée d'affaires", "Architect",
)  # fmt: skip
_REPEAT_EVERY: Final = 37
_REPEAT_DISTANCE: Final = 17


class Contact(TypedDict):
    """A contact in TeleCMI's form: seven strings; "" is an unknown value."""

    contact_id: str
    phone_no: str
    first_name: str
    last_name: str
    email_id: str
    company: str
    job_title: str


# TeleCMI's own sample comes first. The others give a question about Acme one right answer: it employs several people
# but one Priya, and other companies employ Priyas too.
_CAST: Final[dict[int, tuple[str, str, str, str, str, str]]] = {
    0: ("919200000000", "John", "Doe", "john.doe@example.com", "Acme Corp", "Software Engineer"),
    23: ("914402255017", "Anand", "Krishnan", "anand.krishnan@acme.example", "Acme Corp", "Head of Sales"),
    41: ("918004417263", "Priya", "Raman", "priya.raman@acme.example", "Acme Corp", "Purchasing Manager"),
    66: (
        "912206630184",
        "Priya",
        "Deshpande",
        "priya.deshpande@larkmere.example",
        "Larkmere Tea Pvt Ltd",
        "Accountant",
    ),
    97: ("442079460142", "Grace", "O'Brien", "grace.obrien@acme.example", "Acme Corp", "Support Lead"),
}
_SAMPLE_ID: Final = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"


_T = TypeVar("_T")


class Random:
    """Random numbers of one hash; Python's own generator may change from version to version."""

    def __init__(self, seed: int, index: int) -> None:
        self._left = int.from_bytes(blake2b(f"{seed}:{index}".encode()).digest())

    def below(self, bound: int) -> int:
        """Return a whole number from 0 to `bound` - 1."""
        self._left, drawn = divmod(self._left, bound)
        return drawn

    def happens(self, percent: int) -> bool:
        """Return True in `percent` of all cases."""
        return self.below(100) < percent

    def pick(self, options: Sequence[_T]) -> _T:
        """Return one of several values."""
        return options[self.below(len(options))]


def make_contacts(count: int = DEFAULT_COUNT, *, seed: int = DEFAULT_SEED) -> list[Contact]:
    """Invent contacts, each with a version 4 UUID; a smaller count gives the beginning of a larger one.

    Beyond a few hundred, people share telephone numbers, because the ranges for fiction are small.
    """
    return [_make_contact(index, seed) for index in range(count)]


def _make_contact(index: int, seed: int) -> Contact:
    rng = Random(seed, index)
    contact_id = str(UUID(int=rng.below(1 << 128), version=4))
    if index in _CAST:
        return _as_contact(_SAMPLE_ID if index == 0 else contact_id, *_CAST[index])
    if index % _REPEAT_EVERY == _REPEAT_EVERY - 1:
        return {**_make_contact(index - _REPEAT_DISTANCE, seed), "contact_id": contact_id}
    return _invent(contact_id, CYCLE[index % len(CYCLE)], rng)


def _invent(contact_id: str, region: Region, rng: Random) -> Contact:
    given, family = rng.pick(read_names(region.given)), rng.pick(read_names(region.family))
    if rng.happens(8):
        family = ("", "")
    country = rng.pick(region.countries)
    company, host = _draw_employer(country, rng)
    phone_no = "" if rng.happens(6) else draw_phone_no(country, rng.below)
    email_id = "" if rng.happens(15) else _email_id(given, family, host=host)
    job_title = "" if rng.happens(20) else rng.pick(_JOBS)
    return _as_contact(contact_id, phone_no, given[0], family[0], email_id, company, job_title)


def _draw_employer(country: str, rng: Random) -> tuple[str, str]:
    """Return the company, which is "" for some people, and the host of the e-mail address."""
    if rng.happens(15):
        return "", rng.pick(("example.com", "mail.invalid"))
    brand, trade = rng.pick(_BRANDS), rng.pick(_TRADES)
    return f"{brand} {trade} {_FORMS[country]}", f"{brand}-{trade}.example".lower().replace(" ", "")


def _email_id(given: Name, family: Name, *, host: str) -> str:
    return f"{'.'.join(part for part in (given[1], family[1]) if part)}@{host}"


def _as_contact(*values: str) -> Contact:
    """Return a contact, of the values of all fields in their order."""
    return cast("Contact", dict(zip(Contact.__annotations__, values, strict=True)))
