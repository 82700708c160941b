"""``clu watch``: the keywords of an actor, as they change.

It imports ``clu.cli.common``. It does not know what kind of connection leads to an actor.
"""
