"""``clu shell``: a prompt for commands, with completion and history, and the replies above it.

It imports ``clu.cli.common``. It does not know what kind of connection leads to an actor.
"""
