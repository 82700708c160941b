"""The connection of a client to its hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu._tcp.protocols import ReconnectingTCPClientProtocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class TronClientProtocol(ReconnectingTCPClientProtocol):
    """A connection to a hub, which is opened again when it is lost.

    Parameters
    ----------
    on_received
        A function that is called with the bytes that come from the hub.
    args, kwargs
        The host and port, and further arguments of the loop's ``create_connection``.
    on_connected
        A function that is called when the connection is open.
    on_disconnected
        A function that is called with an exception, or None, when the connection is lost or
        could not be opened.

    Attributes
    ----------
    transport
        The transport while there is a connection, else None.
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
        """The seconds until the next attempt, once one has failed."""
        return self._delay

    def close(self) -> None:
        """Close the connection for good, without calling any function."""
        self._on_connected = self._on_disconnected = None
        self.stop_trying()
        if self.transport is not None:
            self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the success."""
        super().connection_made(transport)
        if not self._continue_trying:
            transport.close()
            return
        self.transport = transport
        if self._on_connected is not None:
            self._on_connected()

    def data_received(self, data: bytes) -> None:
        """Pass on what comes from the hub."""
        self._on_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Try again after a while."""
        self.transport = None
        super().connection_lost(exc)
        if self._on_disconnected is not None:
            self._on_disconnected(exc)

    def connection_failed(self, exc: BaseException) -> None:
        """Try again after a while."""
        super().connection_failed(exc)
        if self._on_disconnected is not None:
            self._on_disconnected(exc)
