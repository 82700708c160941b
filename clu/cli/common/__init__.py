"""Code shared by the subcommands: options, connections to actors over AMQP and TCP, rendering.

It imports the public API. It must not know about the subcommands.
"""
