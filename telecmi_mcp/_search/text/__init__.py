"""Text of any script as words that compare."""
