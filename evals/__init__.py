"""Evaluates what a model can do with the tools: tasks over an invented address book, an oracle, and a scorer."""
