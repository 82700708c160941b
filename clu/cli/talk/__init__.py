"""``clu talk``: lines to a device, an actor or a hub, and what it says, as it is on the wire.

The command needs nothing of actors, only TCP. Nothing else of clu imports it.
"""
