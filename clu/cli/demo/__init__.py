"""``clu demo``: an actor on the telemetry of its own machine, and a client that follows it.

It imports the public API and ``clu.cli.common``. It must not use AMQP: the demo needs no broker.
"""
