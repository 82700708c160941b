"""A connection of aio_pika that knows several addresses.

It is a module of its own since aio_pika is slow to import, and not always needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aio_pika import RobustConnection

from clu._amqp.address import without_password

if TYPE_CHECKING:
    import ssl as ssl_module

    from yarl import URL

    from clu._amqp.address import Addresses


class BrokerConnection(RobustConnection):
    """A connection that is made to the next address after it was lost or could not be made.

    Parameters
    ----------
    addresses
        The addresses of the broker.
    ssl_context
        The TLS settings, where the default ones do not do.
    client_properties
        What the management page of the broker shows of the connection.
    """

    def __init__(
        self,
        addresses: Addresses,
        ssl_context: ssl_module.SSLContext | None,
        client_properties: dict[str, Any],
    ) -> None:
        self._addresses = addresses
        super().__init__(addresses.next(), ssl_context=ssl_context)
        self.kwargs["client_properties"] = client_properties

    def __str__(self) -> str:
        return without_password(self._addresses.current)

    @property
    def url(self) -> URL:
        """The address for an attempt to connect. aio_pika reads it at the beginning of each."""
        return self._addresses.next()

    @url.setter
    def url(self, url: URL) -> None:
        self._addresses.current = url
