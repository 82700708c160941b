"""The memory broker as users see it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from clu._amqp.errors import connection_error
from clu._amqp.memory.broker import Broker
from clu.testing.virtual_time import fast_forward

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
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
    faults
        What can be made to go wrong.
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
        CluConnectionError
            If the broker takes no connections.
        """
        from aiormq.exceptions import AMQPConnectionError

        from clu._amqp.memory.client import connect

        try:
            return await connect(self.url, name)
        except AMQPConnectionError as error:
            raise connection_error(str(error)) from error

    @contextlib.asynccontextmanager
    async def fast_forward(self) -> AsyncIterator[None]:
        """Let time be skipped in which nothing happens, as in ``async with bus.fast_forward():``.

        What sleeps or waits in the running event loop goes on at once, each in its turn, as soon
        as there is nothing else to do: an exposure of ten minutes takes no time. So do the delays
        of `faults`. What works in a thread (``asyncio.to_thread``) is waited for. What comes from
        outside the process, as the answer of a device over a socket, is not: time goes on
        without it.

        The clock of the event loop stays ahead afterwards. ``time.time`` and ``time.monotonic``
        are never changed.

        Raises
        ------
        CluNotImplemented
            If the event loop is not one of asyncio: uvloop has a clock of its own.
        CluRuntimeError
            If time is being skipped already.
        """
        with fast_forward(self.skip):
            yield
