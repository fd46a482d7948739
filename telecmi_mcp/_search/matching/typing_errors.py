"""Recognises a single typing error: an insertion, a deletion, a substitution or a transposition."""


def is_within_one_edit(one: str, other: str) -> bool:
    """Return whether two texts differ by at most one edit."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, other_rest = one[start:], other[start:]
    return (
        rest[1:] == other_rest[1:]
        or rest[1:] == other_rest
        or rest == other_rest[1:]
        or (rest[2:] == other_rest[2:] and rest[:2] == other_rest[1::-1])
    )
