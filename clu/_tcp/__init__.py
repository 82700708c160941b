"""Actors and servers over TCP: streams of lines, the clients behind them, and the limits they have.

It imports ``_core``, and ``base`` and ``command`` for the base of the actors with a TCP server.
It must not know how a reply is encoded, or what else speaks TCP: parsers, AMQP, the hub.
"""
