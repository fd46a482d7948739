"""The estimate of tokens stays near o200k, whose counts were taken with bpe-openai 0.1.4."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evals.tokens import estimate


def answer(**contact: str) -> dict[str, Any]:
    """Return the answer to a search for one contact."""
    return {
        "matches": [contact],
        "has_more": False,
        "as_of": "2026-11-26T17:10:54Z",
        "indexed": 4000,
        "count": 4000,
        "complete": True,
    }


@pytest.mark.parametrize(
    ("data", "o200k"),
    [
        (
            answer(
                contact_id="d4125c5c-46ba-4071-8d15-d15f5d77a84b",
                phone_no="441614960584",
                first_name="Lakshmi",
                last_name="Menon",
                email_id="lakshmi.menon@dunmorrow-dairy.example",
                company="Dunmorrow Dairy Private Limited",
                job_title="Head of Sales",
                match="exact",
            ),
            128,
        ),
        (
            answer(
                contact_id="7d416b48-7fa4-422a-a6f2-65bcfa1170b2",
                phone_no="912200983357",
                first_name="கார்த்திக்",
                last_name="பாலசுந்தரம்",
                email_id="karthik.balasundaram@vindhara-solar.example",
                company="Vindhara Solar Pvt. Ltd.",
                job_title="Office Manager",
                match="prefix",
            ),
            130,
        ),
    ],
)
def test_an_estimate_is_within_an_eighth_of_o200k(data: dict[str, Any], o200k: int) -> None:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    assert abs(estimate(text) - o200k) <= o200k / 8
