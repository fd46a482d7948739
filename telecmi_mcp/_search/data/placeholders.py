"""What people and programs write into a field that has no value.

Sources: the list of missing values of pandas (`read_csv`, na_values), and what exports of CRMs and spreadsheets hold.
"""

_PLACEHOLDERS = """
na, n a, nil, null, none, nan, not available, notavailable, not applicable, not known, not given, not provided, not set
not specified, not mentioned, not found, no, no name, noname, no company, no title, no email, no mail, no number
no phone, no value, no data, unknown, unk, undefined, unspecified, unnamed, untitled, none given, to be decided
to be updated, tbd, xyz, lnu, fnu, dummy, test, asdf, qwerty
"""
PLACEHOLDERS = frozenset(text.strip() for line in _PLACEHOLDERS.strip().splitlines() for text in line.split(","))
"""Texts, as words in lower case, that stand for no value where nothing else is in the field."""
NAMES = {
    "first_name": frozenset(("Na", "Nan", "Nil", "No", "N A", "N. A.")),
    "last_name": frozenset(("Na", "Nan", "No", "N A", "N. A.", "Null", "Test")),
}
"""Names and initials, as they are written, that would be placeholders otherwise: Li Na, Nil Battey, Christopher Null."""
MAILBOXES = PLACEHOLDERS | {"noemail", "nomail", "xxx"}
MAIL_HOSTS = MAILBOXES | {"email", "mail", "example"}
"""What both sides of an address are that is nobody's: na@na.com, none@email.com."""
