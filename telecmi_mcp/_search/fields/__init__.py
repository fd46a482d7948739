"""Derives index entries from the fields of a contact."""
