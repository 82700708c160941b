"""Creating the connection to an actor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clu.cli.common.actor_address import ActorAddress
    from clu.cli.common.broker_options import BrokerOptions
    from clu.cli.common.connection import Connection


def make_connection(actor: ActorAddress, broker: BrokerOptions) -> Connection:
    """Return the connection to an actor; it is not opened yet."""
    if actor.tcp is not None:
        from clu.cli.common.tcp import TCPConnection

        return TCPConnection(*actor.tcp, token=broker.tcp_token())
    from clu.cli.common.broker import BrokerConnection

    return BrokerConnection(broker)
