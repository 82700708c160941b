"""The connection of a client to its hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu._tcp.protocols import ReconnectingTCPClientProtocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class TronClientProtocol(ReconnectingTCPClientProtocol):
    """A connection to a hub, which is reopened when it is lost.

    Parameters
    ----------
    on_received
        A function that is called with the bytes received from the hub.
    args, kwargs
        Arguments of the event loop's ``create_connection``, such as the host and port.
    on_connected
        A function that is called when the connection is open.
    on_disconnected
        A function that is called with an exception, or None, when the connection is lost or
        could not be opened.

    Attributes
    ----------
    transport
        The transport of the connection, or None if it is closed.
    """

    def __init__(
        self,
        on_received: Callable[[bytes], Any],
        *args: Any,
        on_connected: Callable[[], Any] | None = None,
        on_disconnected: Callable[[BaseException | None], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.transport: Any = None
        self._on_received = on_received
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected

    @property
    def delay(self) -> float:
        """The delay before the next attempt in seconds, after one has failed."""
        return self._delay

    def close(self) -> None:
        """Close the connection permanently, without calling any function."""
        self._on_connected = self._on_disconnected = None
        self.stop_trying()
        if self.transport is not None:
            self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Record the success."""
        super().connection_made(transport)
        if not self._continue_trying:
            transport.close()
            return
        self.transport = transport
        if self._on_connected is not None:
            self._on_connected()

    def data_received(self, data: bytes) -> None:
        """Pass on the data received from the hub."""
        self._on_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Schedule an attempt to reconnect."""
        self.transport = None
        super().connection_lost(exc)
        if self._on_disconnected is not None:
            self._on_disconnected(exc)

    def connection_failed(self, exc: BaseException) -> None:
        """Schedule an attempt to reconnect."""
        super().connection_failed(exc)
        if self._on_disconnected is not None:
            self._on_disconnected(exc)
