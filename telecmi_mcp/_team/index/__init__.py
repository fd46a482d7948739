"""The copy of an account's contacts in PostgreSQL, which all replicas read and one writes."""
