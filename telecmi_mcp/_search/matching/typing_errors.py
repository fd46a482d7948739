"""One slip of a hand: a letter too many, too few, another one, or two swapped."""


def is_one_slip(one: str, other: str) -> bool:
    """Tell whether two texts differ by at most one slip."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    left, right = one[start:], other[start:]
    return (
        left[1:] == right[1:]
        or left[1:] == right
        or left == right[1:]
        or (left[2:] == right[2:] and left[:2] == right[1::-1])
    )
