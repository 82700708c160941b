"""A connection of aio_pika that knows several addresses.

It is a module of its own since aio_pika is slow to import, and not always needed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aio_pika import RobustConnection

from clu._amqp.address import without_password

if TYPE_CHECKING:
    import ssl as ssl_module
    from collections.abc import Awaitable, Callable

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

    Attributes
    ----------
    before_restore
        A coroutine function that is called with each new connection of aiormq after the first one,
        before the channels are restored.
    """

    def __init__(
        self,
        addresses: Addresses,
        ssl_context: ssl_module.SSLContext | None,
        client_properties: dict[str, Any],
    ) -> None:
        self._addresses = addresses
        self.before_restore: Callable[[Any], Awaitable[None]] | None = None
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

    async def _on_connected(self) -> None:
        if self.before_restore is not None:
            assert self.transport is not None
            connection = self.transport.connection
            try:
                await self.before_restore(connection)
            except BaseException as error:
                # As aio_pika does when it cannot restore the channels: it then tries again.
                await self.close_callbacks(error)
                await asyncio.gather(connection.close(error), return_exceptions=True)
                raise
        await super()._on_connected()
