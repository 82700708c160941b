"""``clu watch``: the keywords of an actor, as they change.

It imports ``clu.cli.common``. It must not know the transport of an actor.
"""
