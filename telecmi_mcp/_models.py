"""A contact, a page of them, how a search found one, and what a login brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeAlias, get_type_hints, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

MatchName: TypeAlias = Literal["exact", "prefix", "fuzzy", "partial"]
"""How a contact was found, best first; ``partial`` when a word of the query is missing."""


class Contact(NamedTuple):
    """One contact of the organisation, in TeleCMI's field names.

    ``phone_no`` is digits with the country code and no plus sign ("919200000000"). A field that
    TeleCMI leaves out, or sends as null or "", is ``None``.
    Source: TeleCMI's page "agent-get-contact".

    This is the only list of the fields: schemas, columns, SQL, exports and tables follow from it. The number beside
    each type is the maximum length that is shown, in characters; a longer text is shortened.
    """

    contact_id: Annotated[str, 64]
    phone_no: Annotated[str | None, 64] = None
    first_name: Annotated[str | None, 200] = None
    last_name: Annotated[str | None, 200] = None
    email_id: Annotated[str | None, 320] = None
    company: Annotated[str | None, 300] = None
    job_title: Annotated[str | None, 300] = None


FIELD_LIMITS: dict[str, int] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Contact, include_extras=True).items()
}
"""The fields of a contact in their order, and the maximum number of characters that are shown of each."""


class JsonContacts(Sequence[Contact]):
    """Contacts that are still JSON objects; each becomes a ``Contact`` when somebody looks at it.

    Attributes:
        facts: The objects, fields without a value left out; not to be changed.
    """

    __slots__ = ("facts",)

    def __init__(self, facts: list[dict[str, str]]) -> None:
        self.facts = facts

    def __len__(self) -> int:
        return len(self.facts)

    def __iter__(self) -> Iterator[Contact]:
        return (Contact(**facts) for facts in self.facts)

    @overload
    def __getitem__(self, place: int) -> Contact: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Contact]: ...
    def __getitem__(self, place: int | slice) -> Contact | Sequence[Contact]:
        return JsonContacts(self.facts[place]) if isinstance(place, slice) else Contact(**self.facts[place])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


@dataclass(frozen=True, slots=True)
class ContactPage:
    """One page of contacts, and the way to the next.

    Attributes:
        contacts: The page's contacts, in TeleCMI's order. A page may be short or empty and yet not the last.
        count: How many contacts the organisation has, as far as TeleCMI said so. Never a page's length.
        page_state: The opaque cursor of the next page; ``None`` on the last one.
        malformed: How many of the page's entries were left out because they are not contacts.
        surplus: How many of the page's entries were left out because they are more than was asked for.
        broken_off: Why the list ends here although TeleCMI offered a cursor; "" if it does not.
    """

    contacts: Sequence[Contact]
    count: int | None = None
    page_state: str | None = None
    malformed: int = 0
    surplus: int = 0
    broken_off: str = ""

    @property
    def notice(self) -> str:
        """What a reader of the page must be told, in our own sentences; "" if nothing."""
        said = [
            _left_out(self.malformed, "malformed"),
            _left_out(self.surplus, "surplus"),
            self.broken_off,
        ]
        return " ".join(filter(None, said))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What TeleCMI answers to a login.

    Attributes:
        token: The user token. TeleCMI says that it lives 30 days, and tells no date.
        name: The user's name, cleaned; "" where TeleCMI does not tell it.
    """

    token: SecretStr
    name: str = ""


def _left_out(number: int, kind: str) -> str:
    return f"{number} {kind} {'entry' if number == 1 else 'entries'} of this page left out." if number else ""
