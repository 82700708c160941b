"""The parts of the websocket bridge: access control, the listener, its clients and messages.

It imports ``_core``, and the replies of ``_amqp``.
It must not know about the bridge itself, ``clu.websocket``, which combines the parts.
"""
