"""Dictionaries of keys for the tests; each file is one expression."""
