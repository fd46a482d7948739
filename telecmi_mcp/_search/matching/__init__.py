"""Comparing a query with contacts, and ranking them."""
