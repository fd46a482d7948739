"""Chooses the people that the tasks ask about, so that each question has one right answer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evals.facts import FIELDS, chosen, company_of, fold, full_name, has_title, short_company, value_of
from telecmi_mcp.sandbox.people import Random

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evals.book import Entry
    from telecmi_mcp.sandbox import Contact

_SEED = 7
_MIN_TYPO_LENGTH = 7


class Scene:
    """A book, and what is unique in it.

    Attributes:
        book: The contacts.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.book: list[Contact] = [entry.contact for entry in entries]
        self._entries = sorted(
            entries, key=lambda entry: Random(_SEED, int(entry.contact["contact_id"][:8], 16)).below(1 << 64)
        )
        self._names = Counter(fold(full_name(contact)) for contact in self.book)
        self._latin = Counter(fold(entry.latin) for entry in entries)
        self._companies = Counter(map(company_of, self.book))
        self._used: set[str] = set()

    def pick(self, condition: Callable[[Entry], bool]) -> Entry:
        """Return a contact that no other task has, and that meets a condition."""
        for entry in self._entries:
            contact_id = entry.contact["contact_id"]
            if contact_id not in self._used and condition(entry):
                self._used.add(contact_id)
                return entry
        raise LookupError("no contact of the book meets the condition")

    def take(self, contact: Contact) -> Entry:
        """Return the entry of a contact, which no other task gets.

        Raises:
            LookupError: Its name belongs to several contacts.
        """
        return self.pick(lambda entry: entry.contact == contact and self.is_unique(entry))

    def is_unique(self, entry: Entry) -> bool:
        """Return True if the contact has first and last name, and no other contact has the same, in any script."""
        has_both = all(value_of(entry.contact, field) for field in ("first_name", "last_name"))
        is_single = self._names[fold(full_name(entry.contact))] == self._latin[fold(entry.latin)] == 1
        return has_both and is_single

    def is_plain(self, entry: Entry) -> bool:
        """Return True if the contact is unique, has every field, and its name is in Latin letters."""
        name = full_name(entry.contact)
        return self.is_unique(entry) and name.isascii() and all(value_of(entry.contact, field) for field in FIELDS)

    def is_only_first_name(self, entry: Entry) -> bool:
        """Return True if nobody else at the contact's company has its first name."""
        first = fold(entry.contact["first_name"])
        return self.is_plain(entry) and [fold(each["first_name"]) for each in self.colleagues(entry)].count(first) == 1

    def is_only_title(self, entry: Entry) -> bool:
        """Return True if nobody else at the contact's company has its job title."""
        title = entry.contact["job_title"]
        return self.is_plain(entry) and sum(has_title(each, title) for each in self.colleagues(entry)) == 1

    def lacks(self, entry: Entry, field: str, *, raw: bool = False) -> bool:
        """Return True if the contact is unique and lacks only this field; ``raw`` wants a filler in it."""
        others = all(value_of(entry.contact, each) for each in FIELDS if each != field)
        value: str = entry.contact[field]  # type: ignore[literal-required] # the field is one of the seven
        is_gap = not value_of(entry.contact, field) and bool(value) == raw
        return self.is_unique(entry) and full_name(entry.contact).isascii() and others and is_gap

    def has_one_spelling(self, contacts: Iterable[Contact]) -> bool:
        """Return True if no two of the contacts have one name in different scripts, which search may take for equal."""
        latin = {entry.contact["contact_id"]: fold(entry.latin) for entry in self._entries}
        spellings = {(fold(full_name(contact)), latin[contact["contact_id"]]) for contact in contacts}
        return len(spellings) == len({name for name, _ in spellings}) == len({name for _, name in spellings})

    def holders(self, count: int) -> list[Contact]:
        """Return the contacts of a name that so many have, each with a number."""
        for name, holders in self._names.items():
            if holders == count and " " in name and name.isascii() and name not in self._used:
                found = [each for each in self.book if fold(full_name(each)) == name]
                if all(value_of(each, "phone_no") for each in found) and self._latin[name] == count:
                    self._used.add(name)
                    return found
        raise LookupError(f"no name belongs to {count} contacts")

    def colleagues(self, entry: Entry) -> list[Contact]:
        """Return everybody at the contact's company."""
        return chosen(self.book, company=entry.contact["company"])

    def company_of_size(self, least: int, most: int) -> str:
        """Return a company with a number of people in a range, as it is written, without its legal form."""
        for entry in self._entries:
            company = company_of(entry.contact)
            if company and least <= self._companies[company] <= most and company not in self._used:
                self._used.add(company)
                return short_company(entry.contact)
        raise LookupError(f"no company has {least} to {most} people")


def words_of(entry: Entry) -> dict[str, str]:
    """Return the words that a prompt or a query may insert."""
    contact = entry.contact
    return {
        "name": full_name(contact),
        "latin": entry.latin,
        "first": contact["first_name"],
        "company": short_company(contact),
        "title": contact["job_title"],
        "phone": contact["phone_no"],
        "email": contact["email_id"],
        "tail": contact["phone_no"][-6:],
        "id": contact["contact_id"],
    }
