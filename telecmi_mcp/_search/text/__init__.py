"""Converts text of any script to comparable words."""
