"""HTTP side of the team server: accepts, bounds and answers requests."""
