"""Names of companies: their words without what only tells their legal form."""

import re
from collections.abc import Sequence

from telecmi_mcp._search.data.legal_forms import FOLDED, LEGAL_FORMS
from telecmi_mcp._search.text.normalize import fold, words

_ENTITY = re.compile(r"&(?:amp|#38);")
_PRIVATE = re.compile(r"\bp\.?\s+(?=(?:ltd|limited)\b)")
_SIGNS = frozenset("&/(")
_SIGNED = re.compile("|".join(rf"(?<!\w){re.escape(form)}(?!\w)" for form in sorted(FOLDED, key=len, reverse=True)))


def unsigned(text: str) -> str:
    """Write legal forms that hold signs, such as M/s and (P) Ltd, as words; the text is folded."""
    if "&" in text:
        text = _ENTITY.sub("&", text)
    text = _SIGNED.sub(lambda match: FOLDED[match.group()], text) if "/" in text or "(" in text else text
    return _PRIVATE.sub("pvt ", text)


def company_words(text: str) -> tuple[str, ...]:
    """Give the words of a company's name, legal form and all."""
    return words(unsigned(fold(text)) if _SIGNS.intersection(text) else text)


def without_legal_form(some: Sequence[str]) -> tuple[str, ...]:
    """Leave out the legal form, unless nothing else is there."""
    return tuple(word for word in some if word not in LEGAL_FORMS) or tuple(some)
