"""Who may call: access keys, and OAuth tokens of one issuer."""
