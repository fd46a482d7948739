"""Reads contacts from a file, and mixes more of them from it."""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from telecmi_mcp._models import Contact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def people(path: Path, size: int) -> Iterator[Contact]:
    """Return as many contacts; beyond those of the file with its columns shuffled, so that all is mixed anew."""
    with opened(path) as lines:
        known = [json.loads(line) for line in lines if line.strip()]
    yield from (Contact(**one) for one in known[:size])
    rng = random.Random(7)  # noqa: S311 - a sample, no secret
    for left in range(size - len(known), 0, -len(known)):
        columns = {name: [one[name] for one in known] for name in known[0]}
        for column in columns.values():
            rng.shuffle(column)
        columns["contact_id"] = [str(UUID(int=rng.getrandbits(128), version=4)) for _ in known]
        for place in range(min(left, len(known))):
            yield Contact(**{name: column[place] for name, column in columns.items()})


def opened(path: Path) -> Any:
    """Open a file, gzipped or not."""
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")
