"""E-mail addresses: as they are stored, pasted, spoken, and mistyped."""

import re
from collections.abc import Iterator

from telecmi_mcp._search.text.normalize import fold

_LONGEST = 320
_ADDRESS = re.compile(r"[^\s@<>(),;:\"\[\]{}|]+@[^\s@<>(),;:\"\[\]{}|?!/]+")
_ASKED = re.compile(r"[^\s@<>(),;:\"\[\]{}|]*@[^\s@<>(),;:\"\[\]{}|?!/]+")
_SPELT = re.compile(r"\s*[\[({<]\s*(at|dot)\s*[\])}>]\s*")
_SPACED = re.compile(r"\s*([.@])\s*")
_NAMED = r"[\w+'-]+(?:\s*(?:\.|\bdot\b|\bunderscore\b|\bdash\b|\bhyphen\b|\bplus\b)\s*[\w+'-]+)*"
_SPOKEN = re.compile(rf"({_NAMED})\s+(?:at\s+the\s+rate(?:\s+of)?|at|@)\s+([\w-]+(?:\s*(?:\.|\bdot\b)\s*[\w-]{{2,}})+)")
_SIGNS = {"dot": ".", "underscore": "_", "dash": "-", "hyphen": "-", "plus": "+"}
_SIGN = re.compile(r"\s*(?:\b(" + "|".join(_SIGNS) + r")\b|\.)\s*")
_QUOTES = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'", "`": "'"})
_HALF_TYPED = re.compile(r"[._\d-]")


def addresses(field: str) -> tuple[str, ...]:
    """Give the addresses that stand in a field, written as they compare."""
    folded = fold(field[:_LONGEST]).translate(_QUOTES)
    return tuple(dict.fromkeys(_normalised(found) for found in _ADDRESS.findall(folded)))


def asked_addresses(folded: str) -> tuple[tuple[str, ...], str]:
    """Give the addresses or domains that a query names, and the query without them."""
    folded = said_as_written(folded.translate(_QUOTES))
    found = [(match.group(), _normalised(match.group())) for match in _ASKED.finditer(folded)]
    for written, _ in found:
        folded = folded.replace(written, " ", 1)
    return tuple(dict.fromkeys(address for _, address in found if address.strip("@."))), folded


def said_as_written(folded: str) -> str:
    """Write an address that is spelt out in words, or torn apart by blanks, as addresses are written."""
    if "at" in folded and "dot" in folded:
        folded = _SPELT.sub(lambda match: f" {match.group(1)} ", folded)
    folded = _SPOKEN.sub(lambda match: f" {_signed(match.group(1))}@{_signed(match.group(2))} ", folded)
    if " @" in folded or "@ " in folded:
        before, _, _ = folded.partition("@")
        said = before.split()
        if said and _HALF_TYPED.search(said[-1]):
            folded = _SPACED.sub(r"\1", folded)
    return folded


def _signed(said: str) -> str:
    return _SIGN.sub(lambda match: _SIGNS.get(match.group(1) or "", "."), said)


def _normalised(address: str) -> str:
    local, at, domain = address.strip(".'").rpartition("@")
    return local + at + ".".join(map(_label, domain.split(".")))


def _label(label: str) -> str:
    """Write a label of a domain's name as people read it."""
    if not label.startswith("xn--"):
        return label
    try:
        return fold(label.removeprefix("xn--").encode("ascii").decode("punycode"))
    except UnicodeError:
        return label


def without_tag(address: str) -> str:
    """Leave out what follows a plus sign before the @: it is the same mailbox."""
    local, at, domain = address.rpartition("@")
    return local.partition("+")[0] + at + domain


def domains(address: str) -> Iterator[str]:
    """Give the domain of an address and those above it, except the last label alone."""
    labels = address.rpartition("@")[2].split(".")
    for start in range(max(1, len(labels) - 1)):
        yield ".".join(labels[start:])
