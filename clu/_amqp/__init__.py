"""Messages over a RabbitMQ broker: the connection, its topology, what is published and received.

It imports ``_core``, ``base`` and ``command``, and the codec of ``_speedups``.
It must not know the public client and actor classes: what it needs of them it names as a protocol.
"""
