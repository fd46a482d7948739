"""Words for digits, in English and in romanised Hindi."""

_SPOKEN = {
    "0": "zero oh o nought nil naught shunya shoonya sunya sifar jiro",
    "1": "one wan ek",
    "2": "two do doh",
    "3": "three tree teen tin",
    "4": "four fower char chaar",
    "5": "five fife paanch panch pach paach",
    "6": "six chhe chhah che chah chhai cheh",
    "7": "seven saat sat saath",
    "8": "eight ait aath ath aat",
    "9": "nine niner nau no nav",
}
SPOKEN_DIGITS = {word: digit for digit, words in _SPOKEN.items() for word in words.split()}
"""Digits, by word."""
REPEAT_WORDS = {"double": 2, "dubbal": 2, "dabal": 2, "triple": 3, "tripal": 3, "treble": 3}
"""How often the digit after a word is repeated, by word."""
