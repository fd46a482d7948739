"""Which texts may become a person's words: those that a client offers to pick, and those that a prompt quotes.

A contact's name may come from a web form. A person who picks it in a client says it to the model, so what is offered
holds nothing that could end a quotation, open a tag or begin another speaker's turn: letters and what stands in names.
"""

from __future__ import annotations

import unicodedata

from telecmi_mcp._sanitize import clean

NAME_MARKS = "'\N{RIGHT SINGLE QUOTATION MARK}.-&/(),"
"""What a plain name may hold beside letters, marks, digits and spaces."""

ARGUMENT_MARKS = NAME_MARKS + "@+_:?"
"""The same for an argument of a prompt, which may be an e-mail address, a number or a question."""

MAX_NAME_CHARS = 80
MAX_ARGUMENT_CHARS = 200

# What other scripts write inside words and between them, as ASCII has its apostrophe and its hyphen.
_SCRIPT_MARKS = (
    "\N{HEBREW PUNCTUATION GERESH}\N{HEBREW PUNCTUATION GERSHAYIM}\N{HEBREW PUNCTUATION MAQAF}"
    "\N{MIDDLE DOT}\N{KATAKANA MIDDLE DOT}\N{TIBETAN MARK INTERSYLLABIC TSHEG}\N{ETHIOPIC WORDSPACE}"
    "\N{ARMENIAN HYPHEN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}"
)
# Invisible, and part of a spelling where clean() leaves them: there CONTEXTJ of RFC 5892 or Mongolian wants them.
_SPELLING = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{MONGOLIAN VOWEL SEPARATOR}"
# Unicode's categories of letters, of marks within words, of numbers, and the spaces.
_TEXT = frozenset(("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl", "No", "Zs"))


def is_plain_name(text: str) -> bool:
    """Whether a text is a name that may be offered: clean, not empty, and of nothing but a name's characters."""
    return 0 < len(text) <= MAX_NAME_CHARS and _is_plain(text, NAME_MARKS)


def is_plain_argument(text: str) -> bool:
    """Whether a text may be quoted in a prompt: clean, not empty, and of nothing but an argument's characters."""
    return 0 < len(text) <= MAX_ARGUMENT_CHARS and _is_plain(text, ARGUMENT_MARKS)


def _is_plain(text: str, marks: str) -> bool:
    allowed = {*marks, *_SCRIPT_MARKS, *_SPELLING}
    return clean(text, limit=len(text)) == text and all(
        char in allowed or unicodedata.category(char) in _TEXT for char in text
    )
