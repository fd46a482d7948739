"""Parses queries."""
