"""``clu shell``: a prompt for commands, with completion and history, and the replies above it.

It imports ``clu.cli.common``. It must not know the transport of an actor.
"""
