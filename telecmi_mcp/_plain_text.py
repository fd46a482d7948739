"""Decides which texts may enter a person's message: completions that a client offers, and arguments of prompts.

A contact's name may come from a web form. If a person picks it in a client, the client sends it to the model as the
person's message. So a completion has only the characters of names: none ends a quotation, opens a tag or starts
another message.
"""

from __future__ import annotations

import unicodedata

from telecmi_mcp._sanitize import clean

NAME_MARKS = "'\N{RIGHT SINGLE QUOTATION MARK}.-&/(),"
"""Characters of a plain name besides letters, marks, digits and spaces."""

ARGUMENT_MARKS = NAME_MARKS + "@+_:?"
"""The same for an argument of a prompt, which may be an e-mail address, a phone number or a question."""

MAX_NAME_CHARS = 80
MAX_ARGUMENT_CHARS = 200

# Characters of other scripts inside and between words, like the apostrophe and the hyphen of ASCII.
_SCRIPT_MARKS = (
    "\N{HEBREW PUNCTUATION GERESH}\N{HEBREW PUNCTUATION GERSHAYIM}\N{HEBREW PUNCTUATION MAQAF}"
    "\N{MIDDLE DOT}\N{KATAKANA MIDDLE DOT}\N{TIBETAN MARK INTERSYLLABIC TSHEG}\N{ETHIOPIC WORDSPACE}"
    "\N{ARMENIAN HYPHEN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}"
)
# Invisible. clean() keeps them only where CONTEXTJ of RFC 5892 or Mongolian spelling requires them.
_SPELLING = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{MONGOLIAN VOWEL SEPARATOR}"
# Unicode categories of letters, marks within words, numbers and spaces.
_TEXT = frozenset(("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl", "No", "Zs"))


def is_plain_name(text: str) -> bool:
    """Return True if a completion may offer the text: it is clean, not empty and has only the characters of names."""
    return 0 < len(text) <= MAX_NAME_CHARS and _is_plain(text, NAME_MARKS)


def is_plain_argument(text: str) -> bool:
    """Return True if a prompt may quote the text: it is clean, not empty and has only the characters of arguments."""
    return 0 < len(text) <= MAX_ARGUMENT_CHARS and _is_plain(text, ARGUMENT_MARKS)


def _is_plain(text: str, marks: str) -> bool:
    allowed = {*marks, *_SCRIPT_MARKS, *_SPELLING}
    return clean(text, limit=len(text)) == text and all(
        char in allowed or unicodedata.category(char) in _TEXT for char in text
    )
