"""Explains wrong usage in one line that names the nearest word that is accepted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPTION = re.compile(r"--[a-zA-Z][\w-]*")
_INVALID_CHOICE = re.compile(r"argument (.+?): invalid choice: (.+?)(?:, maybe you meant .*)? \(choose from (.+)\)")
_EXPLICIT_ARGUMENT = re.compile(r"ignored explicit argument .*")
_COMMAND = "COMMAND"
_MIN_SIMILARITY = 0.65  # "--uninstall" is no typo of "--all"
_EVERYWHERE = ("--help", "--version")
_SECRETS: Final = {"--token": "TELECMI_TOKEN", "--password": "TELECMI_PASSWORD"}


def explain_unknown(unknown: Sequence[str], usage: str) -> str:
    """Return what is wrong with words that the parser of this usage does not know, and the nearest option."""
    options = [found[0] for word in unknown if (found := _OPTION.match(word))]
    if not options:
        return "there is an argument too many"
    if options[0] in _SECRETS:
        return f"set {_SECRETS[options[0]]} instead of {options[0]}, because other users of this computer can see flags"
    return f"there is no option {options[0]}{_nearest(options[0], [*_OPTION.findall(usage), *_EVERYWHERE])}"


def explain_error(message: str) -> str:
    """Return argparse's message; for a word that is none of the choices, one that does not repeat it."""
    found = _INVALID_CHOICE.fullmatch(message)
    if found is None:
        return _EXPLICIT_ARGUMENT.sub("it takes no value", message)
    name, given, choices = found[1], found[2].strip("'\""), [each.strip(" '\"") for each in found[3].split(",")]
    nearest = _nearest(given, choices)
    if name == _COMMAND:
        return f"there is no such command{nearest}"
    if "|" in name:  # argparse names the operations of a command by all of them
        name = "the operation"
    return f"{name} is one of {', '.join(choices)}{nearest}"


def _nearest(word: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    found = get_close_matches(word, known, n=1, cutoff=_MIN_SIMILARITY)
    return f". Did you mean {found[0]}?" if found else ""
