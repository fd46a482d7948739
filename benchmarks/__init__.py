"""What telecmi-mcp costs, beside servers for the same job: ``python -m benchmarks``. See docs/performance.md."""
