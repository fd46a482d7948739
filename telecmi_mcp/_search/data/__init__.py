"""Constant tables of the search rules. Each module names its sources."""
