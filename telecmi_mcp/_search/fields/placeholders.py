"""Tells fields without a value: empty ones, and those with a placeholder ("N/A", "-", "xyz", 0000000000)."""

import re
import unicodedata
from collections.abc import Sequence

from telecmi_mcp._models import Contact
from telecmi_mcp._search.data.placeholders import MAIL_HOSTS, MAILBOXES, NAMES, PLACEHOLDERS
from telecmi_mcp._search.fields.email_addresses import addresses, write_spoken_address
from telecmi_mcp._search.fields.phones import Number, clean_phones, digits_of, number_with_code, split_numbers
from telecmi_mcp._search.text.normalize import fold, tokenize

_LONGEST = 24
"""Characters of the longest text that is compared with the placeholders."""
_REPEATED = re.compile(r"0+|x{2,}")
_SIGNS = frozenset("$+<=>^`|~")
_WRITTEN = frozenset("LNMS")
"""The first letters of Unicode's categories of letters, digits, marks and symbols such as emojis."""
_PHONE_CAP, _MAIL_CAP = 160, 320
_READ = frozenset(("contact_id", "phone_no", "email_id"))
"""Fields that are no plain texts."""


def missing_fields(contact: Contact) -> frozenset[str]:
    """Give the names of the fields in which a contact has no value.

    A phone number needs two different digits behind its country's code, and an e-mail address an "@".
    """
    return missing_from(contact, dialable_numbers(contact.phone_no), mailboxes(contact.email_id))


def missing_from(contact: Contact, numbers: Sequence[Number], mails: Sequence[str]) -> frozenset[str]:
    """Give the same, where the numbers and addresses of a contact are known."""
    texts = zip(Contact._fields, contact, strict=True)
    missing = {name for name, text in texts if name not in _READ and (not text or is_placeholder(name, text))}
    missing.update(["phone_no"] * (not numbers) + ["email_id"] * (not mails))
    return frozenset(missing)


def is_placeholder(field: str, text: str) -> bool:
    """Tell whether a text holds nothing but signs, or what stands for no value in this field."""
    bare = text.strip()
    if not (bare[:1].isalnum() or _is_written(bare)):
        return True
    if len(bare) > _LONGEST or bare in NAMES.get(field, ()):
        return False
    said = bare.lower() if bare.isascii() and bare.isalnum() else " ".join(tokenize(bare))
    return said in PLACEHOLDERS or _REPEATED.fullmatch(said) is not None


def dialable_numbers(field: str | None) -> list[Number]:
    """Give the numbers of a field whose digits are not all the same, with a country's code where one is credible."""
    found = []
    for written in split_numbers(clean_phones((field or "")[:_PHONE_CAP])):
        number = number_with_code(written) or Number("", digits_of(written).lstrip("0"))
        if len(set(number.national)) > 1:
            found.append(number)
    return found


def mailboxes(field: str | None) -> list[str]:
    """Give the addresses in a field, also those that are spelt out, that may be somebody's."""
    if not field:
        return []
    found = addresses(field[:_MAIL_CAP])
    if not found and "@" not in field:
        found = addresses(write_spoken_address(fold(field[:_MAIL_CAP])))
    return [address for address in found if not _is_placeholder_address(address)]


def _is_placeholder_address(address: str) -> bool:
    mailbox, _, host = address.rpartition("@")
    return mailbox in MAILBOXES and host.partition(".")[0] in MAIL_HOSTS


def _is_written(text: str) -> bool:
    return any(char.isalnum() or (unicodedata.category(char)[0] in _WRITTEN and char not in _SIGNS) for char in text)
