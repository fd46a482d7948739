"""Compares the cost of telecmi-mcp with other servers for the same job: ``python -m benchmarks``."""
