"""Queues of an AMQP broker. The AMQP transport is not part of this release yet."""

from __future__ import annotations

from typing import Any

from clu.exceptions import CluNotImplemented

MISSING = (
    "The AMQP transport is not part of this release of clu yet. Use a TCP actor "
    "(clu.JSONActor) in the meantime."
)


class TopicListener:
    """Declares and listens to queues of an AMQP broker.

    Parameters
    ----------
    url
        The address of the broker; the other parameters are then ignored.
    user, password
        The credentials.
    host, port
        Where the broker listens.
    virtualhost
        The virtual host.
    ssl
        Whether to use TLS.
    """

    def __init__(
        self,
        url: str | None = None,
        user: str = "guest",
        password: str = "guest",
        host: str = "localhost",
        virtualhost: str = "/",
        port: int = 5672,
        ssl: bool = False,
    ) -> None:
        raise CluNotImplemented(MISSING)

    async def connect(
        self, exchange_name: str, exchange_type: Any = "topic", on_return_raises: bool = True
    ) -> TopicListener:
        """Connect to the broker."""
        raise CluNotImplemented(MISSING)

    async def add_queue(
        self, queue_name: str, callback: Any = None, bindings: str | list[str] = "*"
    ) -> Any:
        """Declare a queue and listen to it."""
        raise CluNotImplemented(MISSING)

    async def stop(self) -> None:
        """Close the connection."""
        raise CluNotImplemented(MISSING)
