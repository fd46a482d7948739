"""Says in one sentence what is wrong with the arguments of a call, and what to send.

A sentence names parameters, and arguments whose name could be one; never a value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from telecmi_mcp._mcp.tools.parameter_names import meant_parameter
from telecmi_mcp.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PARAMETER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")
_MAX_NAMES = 12
_MAX_CHARACTERS = 200


class _Unknown(NamedTuple):
    """Unknown arguments.

    Attributes:
        names: Those that may be named, in the order of the call.
        meant: The parameter that each of them stands for, where there is one.
        others: Number of those that may not be named.
    """

    names: tuple[str, ...]
    meant: Mapping[str, str]
    others: int


def argument_error(
    tool: str, expected: Mapping[str, str], given: Mapping[str, object], wrong: Sequence[str]
) -> InvalidArguments:
    """Return the error of a call whose arguments do not fit.

    Args:
        tool: Name of the tool.
        expected: For each parameter the values that it accepts, in words.
        given: The arguments of the call.
        wrong: Names of the parameters that are missing or have a wrong value.
    """
    unknown = _unknown(expected, given)
    known = next((name for name in expected if name in wrong and name not in unknown.meant.values()), None)
    if known is not None and not (unknown.names or unknown.others):
        hint, verb = (f"Invalid {known}", "use") if known in given else (f"Missing {known}", "pass")
        return InvalidArguments(hint=hint, fact=f"{verb} {expected[known]}")
    sentences = _sentences(tool, expected, unknown, _correction(known, expected, given))
    hint, fact = next(each for each in sentences if len(": ".join(each)) < _MAX_CHARACTERS)
    return InvalidArguments(hint=hint, fact=fact)


def _unknown(expected: Mapping[str, str], given: Mapping[str, object]) -> _Unknown:
    unknown = [name for name in given if name not in expected]
    names = tuple(name for name in unknown if _PARAMETER_NAME.fullmatch(name))[:_MAX_NAMES]
    free = [name for name in expected if name not in given]
    meant = {name: parameter for name in names if (parameter := meant_parameter(name, free)) is not None}
    return _Unknown(names, meant, len(unknown) - len(names))


def _correction(known: str | None, expected: Mapping[str, str], given: Mapping[str, object]) -> tuple[str, str] | None:
    """Return what a hint and its fact say about a known parameter besides the unknown ones."""
    if known is None:
        return None
    return f", and {'correct' if known in given else 'add'} {known}", f"use {expected[known]}"


def _sentences(
    tool: str, expected: Mapping[str, str], unknown: _Unknown, correction: tuple[str, str] | None
) -> Iterator[tuple[str, str]]:
    """Yield hints and facts, the most useful one first and the last one short enough for any limit."""
    accepted = f"{tool} accepts only {', '.join(expected)}"
    refused = f"{tool} does not accept them" if len(unknown.names) > 1 else f"{tool} does not accept it"
    addition, correct_use = correction or ("", accepted)
    for count in range(len(unknown.names), 0, -1):
        part = unknown._replace(names=unknown.names[:count], others=unknown.others + len(unknown.names) - count)
        for hint in (_hint(part), _hint(part._replace(meant={}))):
            yield hint + addition, correct_use
            yield hint, accepted
            yield hint, refused
    yield f"Remove unknown parameters{addition}", correct_use


def _hint(unknown: _Unknown) -> str:
    """Return "Use page_state instead of pageState; remove foo, bar and 2 more"."""
    replaced: dict[str, list[str]] = {}
    for name in unknown.names:
        if name in unknown.meant:
            replaced.setdefault(unknown.meant[name], []).append(name)
    removed = [name for name in unknown.names if name not in unknown.meant]
    parts = []
    if replaced:
        parts.append("use " + ", ".join(f"{right} instead of {' and '.join(each)}" for right, each in replaced.items()))
    if removed or unknown.others:
        more = [f"{unknown.others} more"] if unknown.others else []
        parts.append("remove " + " and ".join([", ".join(removed), *more] if removed else more))
    hint = "; ".join(parts)
    return hint[0].upper() + hint[1:]
