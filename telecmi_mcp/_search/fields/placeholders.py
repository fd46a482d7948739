"""Tells fields without a value: empty ones, and those with a placeholder ("N/A", "-", "xyz", 0000000000)."""

import re
import unicodedata
from collections.abc import Iterator

from telecmi_mcp._models import Contact
from telecmi_mcp._search.data.placeholders import MAIL_HOSTS, MAILBOXES, NAMES, PLACEHOLDERS
from telecmi_mcp._search.fields.email_addresses import addresses, write_spoken_address
from telecmi_mcp._search.fields.phones import clean_phones, parse_number, split_numbers
from telecmi_mcp._search.text.normalize import fold, tokenize

_LONGEST = 40
"""Characters of the longest text that is compared with the placeholders."""
_REPEATED = re.compile(r"0+|x{2,}")
_SIGNS = frozenset("$+<=>^`|~")
_WRITTEN = frozenset("LNMS")
"""The first letters of Unicode's categories of letters, digits, marks and symbols such as emojis."""
_PHONE_CAP, _MAIL_CAP = 160, 320


def missing_fields(contact: Contact) -> frozenset[str]:
    """Give the names of the fields in which a contact has no value."""
    texts = zip(Contact._fields, contact, strict=True)
    return frozenset(name for name, text in texts if name != "contact_id" and is_missing(name, text))


def is_missing(field: str, text: str | None) -> bool:
    """Tell whether a field has no value: ``None``, blank, signs only, or a placeholder.

    A phone number needs two different digits behind its country's code, and an e-mail address an "@".
    """
    if not text or _is_placeholder(field, text):
        return True
    if field == "phone_no":
        return not any(True for _ in dialable_numbers(text))
    return field == "email_id" and not any(True for _ in mailboxes(text))


def dialable_numbers(field: str) -> Iterator[str]:
    """Give the numbers, as they are written in a field, whose digits are not all the same."""
    for written in split_numbers(clean_phones(field[:_PHONE_CAP])):
        nationals = [number.national for number in parse_number(written)]
        if nationals and all(len(set(national)) > 1 for national in nationals):
            yield written


def mailboxes(field: str) -> Iterator[str]:
    """Give the addresses in a field, also those that are spelt out, that may be somebody's."""
    found = addresses(field[:_MAIL_CAP])
    if not found and "@" not in field:
        found = addresses(write_spoken_address(fold(field[:_MAIL_CAP])))
    for address in found:
        mailbox, _, host = address.rpartition("@")
        if mailbox not in MAILBOXES or host.partition(".")[0] not in MAIL_HOSTS:
            yield address


def _is_placeholder(field: str, text: str) -> bool:
    bare = text.strip()
    if not _is_written(bare):
        return True
    if len(bare) > _LONGEST or bare in NAMES.get(field, ()):
        return False
    said = " ".join(tokenize(bare))
    return said in PLACEHOLDERS or _REPEATED.fullmatch(said) is not None


def _is_written(text: str) -> bool:
    return any(char.isalnum() or (unicodedata.category(char)[0] in _WRITTEN and char not in _SIGNS) for char in text)
