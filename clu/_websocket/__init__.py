"""The parts of the websocket bridge: who may connect, the listener, its clients and messages.

It imports ``_core``, and the replies of ``_amqp``.
It must not know the bridge itself, ``clu.websocket``, which puts the parts together.
"""
