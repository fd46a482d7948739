"""Labelled queries for the ten thousand contacts of the fixture `address_book`."""

from __future__ import annotations

import gzip
import json
from typing import Any

from paths import SAMPLES


def sample_queries(name: str) -> list[dict[str, Any]]:
    """Return the queries of a set, `dev` or `val`, each with the contacts that are right."""
    with gzip.open(SAMPLES / "search" / f"{name}-10k.json.gz") as file:
        queries: list[dict[str, Any]] = json.load(file)
    return queries
