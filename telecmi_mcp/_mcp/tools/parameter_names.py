"""Finds the parameter that a caller meant with an unknown name."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_SIMILARITY = 0.8

_PERSON = (
    "q search searchquery searchterm searchtext querystring text term keyword question input arg1 args kwargs "
    "name fullname firstname lastname contactname personname person contact who "
    "phone phoneno phonenumber number mobile email emailid emailaddress"
)
_ID = "id uuid guid identifier contact contactuuid personid ids contactids"
_SIZE = "max maximum maxresults maxcount size top topk k n first numresults"
_OTHER_NAMES = {
    "query": _PERSON,
    "queries": f"{_PERSON} {_ID} contactid query names contacts people persons phones phonenumbers numbers emails "
    "emailaddresses terms texts keywords items list",
    "company": "companyname companies companynames organization organisation org employer business firm",
    "job_title": "title role jobrole position designation occupation profession job",
    "missing": "missingfields without lacks lacking empty emptyfields",
    "contact_id": _ID,
    "limit": f"{_SIZE} count pagesize perpage maxmatches maxcontacts",
    "page_state": "cursor nextcursor page nextpage next pagetoken nextpagetoken continuation continuationtoken after",
    "group_by": "group by groups facet field aggregate",
    "min_count": "min minimum minsize threshold atleast mingroupsize",
    "max_groups": f"{_SIZE} limit limits pagesize numgroups groups",
    "format": "type fileformat filetype outputformat output extension",
}
"""For each parameter the names, normalized, that callers use for it."""

_NARROWING = ("query", "queries", "company", "job_title", "missing", "contact_id")
"""Parameters without which an answer is about other contacts."""

_OTHER_FILTERS = "city country state address tag label group filter filters where emaildomain"


def normalized(name: str) -> str:
    """Return a name without the differences between ``snake_case``, ``camelCase`` and ``kebab-case``."""
    return name.replace("_", "").replace("-", "").casefold()


def meant_parameter(name: str, parameters: Iterable[str]) -> str | None:
    """Return the parameter of a tool that an unknown name stands for, if there is one."""
    by_name = {normalized(parameter): parameter for parameter in parameters}
    name = normalized(name)
    if name in by_name:
        return by_name[name]
    named = next((each for each in by_name.values() if name in _OTHER_NAMES.get(each, "").split()), None)
    close = get_close_matches(name, by_name, n=1, cutoff=_SIMILARITY)
    return named or (by_name[close[0]] if close else None)


def changes_an_answer(name: str) -> bool:
    """Whether an argument of this name could narrow an answer, or select a page or a form of it."""
    return normalized(name) in _CHANGING


def _changing() -> Collection[str]:
    narrowing = " ".join(_OTHER_NAMES[parameter] for parameter in _NARROWING).split()
    return frozenset([*narrowing, *_OTHER_FILTERS.split(), *map(normalized, _OTHER_NAMES)])


_CHANGING = _changing()
