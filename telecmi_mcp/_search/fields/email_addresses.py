"""Extracts e-mail addresses from fields and queries, including spoken ones, and normalises them."""

import re
from collections.abc import Iterator

from telecmi_mcp._search.text.normalize import fold

_FIELD_CAP = 320
"""Maximum number of characters of a field that are read."""
_ADDRESS = re.compile(r"[^\s@<>(),;:\"\[\]{}|]+@[^\s@<>(),;:\"\[\]{}|?!/]+")
_ADDRESS_OR_DOMAIN = re.compile(r"[^\s@<>(),;:\"\[\]{}|]*@[^\s@<>(),;:\"\[\]{}|?!/]+")
_BRACKETED_WORD = re.compile(r"\s*[\[({<]\s*(at|dot)\s*[\])}>]\s*")
_SPACED_PUNCTUATION = re.compile(r"\s*([.@])\s*")
_SPOKEN_LOCAL_PART = r"[\w+'-]+(?:\s*(?:\.|\bdot\b|\bunderscore\b|\bdash\b|\bhyphen\b|\bplus\b)\s*[\w+'-]+)*"
_SPOKEN_ADDRESS = re.compile(
    rf"({_SPOKEN_LOCAL_PART})\s+(?:at\s+the\s+rate(?:\s+of)?|at|@)\s+([\w-]+(?:\s*(?:\.|\bdot\b)\s*[\w-]{{2,}})+)"
)
_PUNCTUATION_WORDS = {"dot": ".", "underscore": "_", "dash": "-", "hyphen": "-", "plus": "+"}
_PUNCTUATION = re.compile(r"\s*(?:\b(" + "|".join(_PUNCTUATION_WORDS) + r")\b|\.)\s*")
_QUOTES = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'", "`": "'"})
_ADDRESS_CHARACTER = re.compile(r"[._\d-]")
"""Characters that words before an @ have in addresses, and not in names."""


def addresses(field: str) -> tuple[str, ...]:
    """Return the normalised addresses in a field."""
    folded = fold(field[:_FIELD_CAP]).translate(_QUOTES)
    return tuple(dict.fromkeys(_normalise(found) for found in _ADDRESS.findall(folded)))


def extract_addresses(folded: str) -> tuple[tuple[str, ...], str]:
    """Return the addresses and domains ("@acme") in a folded query, and the query without them."""
    folded = write_spoken_address(folded.translate(_QUOTES))
    found = [(match.group(), _normalise(match.group())) for match in _ADDRESS_OR_DOMAIN.finditer(folded)]
    for original, _ in found:
        folded = folded.replace(original, " ", 1)
    return tuple(dict.fromkeys(address for _, address in found if address.strip("@."))), folded


def write_spoken_address(folded: str) -> str:
    """Return a text with an address in words ("ravi dot rao at acme dot com"), or with spaces in it, as an address."""
    if "at" in folded and "dot" in folded:
        folded = _BRACKETED_WORD.sub(lambda match: f" {match.group(1)} ", folded)
    folded = _SPOKEN_ADDRESS.sub(lambda match: f" {_punctuate(match.group(1))}@{_punctuate(match.group(2))} ", folded)
    if " @" in folded or "@ " in folded:
        before, _, _ = folded.partition("@")
        words = before.split()
        if words and _ADDRESS_CHARACTER.search(words[-1]):
            folded = _SPACED_PUNCTUATION.sub(r"\1", folded)
    return folded


def _punctuate(spoken: str) -> str:
    return _PUNCTUATION.sub(lambda match: _PUNCTUATION_WORDS.get(match.group(1) or "", "."), spoken)


def _normalise(address: str) -> str:
    local, at, domain = address.strip(".'").rpartition("@")
    return local + at + ".".join(map(_decode_label, domain.split(".")))


def _decode_label(label: str) -> str:
    """Return a label of a domain with Punycode (RFC 3492) decoded."""
    if not label.startswith("xn--"):
        return label
    try:
        return fold(label.removeprefix("xn--").encode("ascii").decode("punycode"))
    except UnicodeError:
        return label


def without_tag(address: str) -> str:
    """Return an address without its subaddress: the part from a "+" to the "@" (RFC 5233)."""
    local, at, domain = address.rpartition("@")
    return local.partition("+")[0] + at + domain


def domains(address: str) -> Iterator[str]:
    """Yield the domain of an address and its parent domains, except the top-level domain."""
    labels = address.rpartition("@")[2].split(".")
    for start in range(max(1, len(labels) - 1)):
        yield ".".join(labels[start:])
