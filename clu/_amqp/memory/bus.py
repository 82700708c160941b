"""The memory broker as users see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu._amqp.memory.broker import Broker

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["MemoryBroker"]


class MemoryBroker(Broker):
    """A broker in memory, for the clients and actors of one process.

    It is for tests, tutorials and programs that are a single process; for everything else there is
    RabbitMQ. Whoever connects to its `url` in this process, in whatever thread, is on it; other
    processes cannot connect. It has no users, permissions and virtual hosts, and nothing is left of
    it when it is closed. What it does not know it refuses with an error.

    It is used as it is, or with ``with`` or ``async with``, which close it.

    Parameters
    ----------
    name
        Its name: lower-case letters, digits, and ``_ . -``. A random one by default.
    max_message_size
        The most bytes that the body of a message may have.

    Raises
    ------
    CluRuntimeError
        If there is a memory broker of this name.
    CluValueError
        If the name makes no sense.

    Attributes
    ----------
    name
        Its name.
    url
        The address with which clients and actors connect, ``memory://<name>``.
    """

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else f"{len(self.sessions)} connections"
        return f"<{type(self).__name__} ({self.url}, {state})>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def connections(self) -> list[str]:
        """The names of who is connected."""
        with self.lock:
            return [session.name for session in self.sessions]

    async def connect(self, name: str = "aio_pika") -> Any:
        """Return a connection of aio_pika, for a program that uses aio_pika itself.

        Parameters
        ----------
        name
            The name of the connection.

        Raises
        ------
        aiormq.exceptions.AMQPConnectionError
            If the broker takes no connections.
        """
        from clu._amqp.memory.client import connect

        return await connect(self.url, name)
