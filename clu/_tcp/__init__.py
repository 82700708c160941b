"""TCP servers, clients and actors: streams of lines, transports, and their limits.

It imports ``_core``, and ``base`` and ``command`` for the base class of actors with a TCP server.
It must not know how replies are encoded, nor about parsers, AMQP or the hub.
"""
