"""Counts the tokens of answers: an estimate that needs nothing, or o200k by the tokenizer of the benchmarks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import ceil
from typing import Final, TypeAlias

CountTokens: TypeAlias = Callable[[str], int]

# The pieces of o200k, without its rules for upper case and contractions: a sign goes with the letters behind it, and
# digits go in threes.
_PIECES: Final = re.compile(r"(?:[^\r\n\w]|_)?[^\W\d_]+|\d{1,3}| ?(?:[^\w\s]|_)+|\s+")
_CHARACTERS_A_TOKEN: Final = 5


def estimate(text: str) -> int:
    """Estimate the o200k tokens of an answer: docs/evaluation.md says how near it comes."""
    return sum(map(_tokens_of, _PIECES.findall(text)))


def count_exactly(texts: Sequence[str]) -> CountTokens:
    """Return a function that knows the o200k tokens of these texts. The tokenizer comes from PyPI the first time."""
    from benchmarks.answers import count_tokens
    from benchmarks.environments import make_tokens

    make_tokens()
    return dict(zip(texts, count_tokens(texts), strict=True)).__getitem__


def _tokens_of(piece: str) -> int:
    return ceil(len(piece) / _CHARACTERS_A_TOKEN) if piece[-1].isalpha() else 1
