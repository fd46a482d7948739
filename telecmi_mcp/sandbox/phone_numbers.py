"""Invents telephone numbers in TeleCMI's form: digits with the country code, no plus sign."""

from collections.abc import Callable
from typing import Final

# "#" is any digit. The regulators reserve these ranges for fiction (Ofcom, NANPA's 555-01xx, ACMA, Bundesnetzagentur,
# ARCEP, ComReg). India reserves none: there, a 0 follows the city's code, and no subscriber's number begins with 0.
_TEMPLATES: Final = {
    "in": ("91110#######", "91220#######", "91330#######", "91440#######", "91800#######", "91400#######"),
    "gb": ("447700900###", "442079460###", "441214960###", "441314960###", "441614960###"),
    "us": ("121255501##", "141555501##", "131255501##", "120655501##", "151255501##", "141655501##"),
    "au": ("6125550####", "6135550####", "6175550####"),
    "de": ("493023125###", "496990009###", "494066969###", "498999998###", "492214710###"),
    "fr": ("3319900####", "3363998####"),
    "ie": ("3532091#####",),
}


def draw_phone_no(country: str, below: Callable[[int], int]) -> str:
    """Return a number of a country of the table; `below(n)` returns a whole number below n."""
    templates = _TEMPLATES[country]
    template = templates[below(len(templates))]
    free = template.count("#")
    return template[:-free] + str(below(10**free)).zfill(free)
