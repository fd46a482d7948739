"""Compares a query with contacts and ranks them."""
