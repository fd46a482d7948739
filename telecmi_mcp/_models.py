"""Defines a contact, a page of contacts, the kinds of a match and of a group, and the result of a login."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeAlias, get_type_hints, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

MatchName: TypeAlias = Literal["exact", "prefix", "fuzzy", "partial"]
"""Kinds of a match, best first; a ``partial`` match lacks words of the query."""

GroupBy: TypeAlias = Literal["company", "job_title", "email_domain", "country", "phone_no", "email_id", "name"]
"""Values by which contacts are grouped; groups of the last three are duplicates."""


class Contact(NamedTuple):
    """One contact of the organisation, in TeleCMI's field names.

    ``phone_no`` has digits with the country code and no plus sign ("919200000000"). A field is ``None`` if TeleCMI
    omits it or sends null or "".
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
    """Sequence over JSON objects that builds each ``Contact`` on access.

    Attributes:
        facts: The objects, without the fields that have no value; do not change them.
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
    """One page of contacts and the cursor of the next page.

    Attributes:
        contacts: Contacts of the page, in TeleCMI's order. A short or empty page need not be the last one.
        count: Total contacts of the organisation, never the length of the page; ``None`` if TeleCMI did not say.
        page_state: Opaque cursor of the next page; ``None`` on the last page.
        malformed: Number of entries that were left out because they are not contacts.
        surplus: Number of entries that were left out because the page had more than the limit.
        broken_off: Why the list ends here although TeleCMI sent a cursor; "" if it does not.
    """

    contacts: Sequence[Contact]
    count: int | None = None
    page_state: str | None = None
    malformed: int = 0
    surplus: int = 0
    broken_off: str = ""

    @property
    def notice(self) -> str:
        """Sentences that the reader of the page must see; "" if there are none."""
        notices = [
            _format_left_out(self.malformed, "malformed"),
            _format_left_out(self.surplus, "surplus"),
            self.broken_off,
        ]
        return " ".join(filter(None, notices))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Result of a login.

    Attributes:
        token: The user token. TeleCMI documents a lifetime of 30 days and sends no date.
        name: Name of the user, cleaned; "" if TeleCMI does not send it.
    """

    token: SecretStr
    name: str = ""


def _format_left_out(number: int, kind: str) -> str:
    return f"{number} {kind} {'entry' if number == 1 else 'entries'} of this page left out." if number else ""
