"""Whose TeleCMI token is used: the service's, or each caller's own, kept encrypted in the database."""
