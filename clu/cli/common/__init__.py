"""What the subcommands share: options, connections to actors over AMQP and TCP, and rendering.

It imports the public API. It does not know the subcommands.
"""
