"""The connection that leads to an actor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clu.cli._broker import BrokerOptions
    from clu.cli._connection import Connection
    from clu.cli._options import ActorAddress


def make_connection(actor: ActorAddress, broker: BrokerOptions) -> Connection:
    """Return the connection, not open yet, that leads to an actor."""
    if actor.tcp is not None:
        from clu.cli._tcp import TCPConnection

        return TCPConnection(*actor.tcp)
    from clu.cli._broker import BrokerConnection

    return BrokerConnection(broker)
