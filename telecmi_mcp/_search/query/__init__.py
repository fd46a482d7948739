"""A query taken apart."""
