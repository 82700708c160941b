"""A websocket bridge to an AMQP broker. It is not part of this release yet."""

from __future__ import annotations

from typing import Any

from clu.exceptions import CluNotImplemented

MISSING = "The websocket bridge is not part of this release of clu yet."

__all__ = ["WebsocketServer"]


class WebsocketServer:
    """A server that passes commands and replies between websocket clients and a broker.

    Parameters
    ----------
    whost, wport
        Where to listen.
    client_kwargs
        Arguments of `clu.client.AMQPClient`.
    """

    def __init__(self, whost: str = "localhost", wport: int = 9876, **client_kwargs: Any) -> None:
        raise CluNotImplemented(MISSING)

    async def _handle_reply(self, reply: Any) -> None:
        """Pass a reply on to the clients."""
        raise CluNotImplemented(MISSING)

    async def _handle_websocket(self, websocket: Any) -> None:
        """Serve a client."""
        raise CluNotImplemented(MISSING)

    async def start(self) -> Any:
        """Start to listen."""
        raise CluNotImplemented(MISSING)

    async def stop(self) -> None:
        """Stop."""
        raise CluNotImplemented(MISSING)
