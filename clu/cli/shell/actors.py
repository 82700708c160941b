"""The actors that a shell knows, and the connections to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clu.cli.common.tcp import TCPConnection

if TYPE_CHECKING:
    from clu.cli.common.actor_address import ActorAddress
    from clu.cli.common.broker import BrokerConnection
    from clu.cli.common.broker_options import BrokerOptions
    from clu.cli.common.connection import Connection

__all__ = ["Actors"]


class Actors:
    """The actors that a shell knows.

    Parameters
    ----------
    addresses
        The initial actors. No broker is used if all of them are TCP actors.
    broker
        The address of the broker.

    Attributes
    ----------
    broker
        The connection to the broker, or None.
    direct
        The connections to TCP actors.
    """

    def __init__(self, addresses: tuple[ActorAddress, ...], broker: BrokerOptions) -> None:
        self.direct = [
            TCPConnection(*item.tcp, token=broker.tcp_token())
            for item in addresses
            if item.tcp is not None
        ]
        self.broker: BrokerConnection | None = None
        #: The names of the actors on the broker.
        self._names = {item.name for item in addresses if item.tcp is None}
        if self._names or not self.direct:
            from clu.cli.common.broker import BrokerConnection

            self.broker = BrokerConnection(broker)

    @property
    def connections(self) -> list[Connection]:
        """All connections."""
        return [*([self.broker] if self.broker is not None else []), *self.direct]

    @property
    def names(self) -> list[str]:
        """The names of the actors, or addresses of TCP actors whose names are not known yet."""
        return sorted({*self._names, *(item.name or item.address for item in self.direct)})

    def add(self, name: str) -> None:
        """Add the name of an actor on the broker."""
        self._names.add(name)

    def find(self, name: str) -> Connection | None:
        """Return the connection to an actor."""
        for connection in self.direct:
            if name in (connection.address, connection.name):
                return connection
        return self.broker
