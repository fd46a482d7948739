"""Cuts and cleans texts so that PostgreSQL can store and index them."""

LONGEST = 400
"""Maximum number of characters of an indexed word or address: an index of PostgreSQL takes 2,704 bytes."""


def storable(text: str) -> str:
    """Replace characters that PostgreSQL does not accept: lone surrogates and U+0000."""
    return text if text.isascii() and "\0" not in text else text.encode("utf-8", "replace").decode().replace("\0", "?")


def clipped(text: str) -> str:
    """Cut a text to the length that an index accepts."""
    return storable(text[:LONGEST])
