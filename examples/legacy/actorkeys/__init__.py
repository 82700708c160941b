"""The dictionaries of keys. The file of an actor is one expression."""
