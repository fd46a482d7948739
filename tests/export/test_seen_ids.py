"""The set of ids of an export."""

from __future__ import annotations

from telecmi_mcp._export.seen_ids import SeenIds


def test_each_id_is_new_once_among_many() -> None:
    seen = SeenIds(b"key")
    ids = [str(number) for number in range(10_000)]
    marks = [seen.add(each) for each in ids]
    assert all(len(mark) == 8 for mark in marks)
    again = SeenIds(b"key", b"".join(marks))
    assert not any(seen.add(each) for each in ids)
    assert not any(again.add(each) for each in ids)
    assert again.add("new")
