"""Splits names of companies into words, and removes their legal form."""

import re
from collections.abc import Sequence

from telecmi_mcp._search.data.legal_forms import LEGAL_FORMS, SYMBOL_FORMS
from telecmi_mcp._search.text.normalize import fold, tokenize

_AMPERSAND_ENTITY = re.compile(r"&(?:amp|#38);")
_ABBREVIATED_PRIVATE = re.compile(r"\bp\.?\s+(?=(?:ltd|limited)\b)")
_SYMBOLS = frozenset("&/(")
_SYMBOL_FORM = re.compile(
    "|".join(rf"(?<!\w){re.escape(form)}(?!\w)" for form in sorted(SYMBOL_FORMS, key=len, reverse=True))
)


def expand_symbols(text: str) -> str:
    """Return a folded text with legal forms that contain symbols, such as M/s and (P) Ltd, as words."""
    if "&" in text:
        text = _AMPERSAND_ENTITY.sub("&", text)
    text = _SYMBOL_FORM.sub(lambda match: SYMBOL_FORMS[match.group()], text) if "/" in text or "(" in text else text
    return _ABBREVIATED_PRIVATE.sub("pvt ", text)


def company_words(text: str) -> tuple[str, ...]:
    """Return the words of a company's name, including its legal form."""
    return tokenize(expand_symbols(fold(text)) if _SYMBOLS.intersection(text) else text)


def without_legal_form(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words that are not a legal form; all words if each is a legal form."""
    return tuple(word for word in words if word not in LEGAL_FORMS) or tuple(words)
