"""``clu run``: runs an actor until it is told to stop.

The command finds the actor, makes it, starts it, and stops it in order. Nothing else of clu imports
it.
"""
