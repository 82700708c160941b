"""``clu watch``: the keywords of actors, as they change.

It imports ``clu.cli.common``. It must not know the transport of an actor.
"""
