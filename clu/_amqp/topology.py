"""The exchange, and the queues of a connection with their bindings.

A queue is exclusive, so that a name is used once. When the known name is locked although nobody of
that name is there, the queue is called ``<name>.<8 hexadecimal digits>`` until the next start or
connection: see ``clu._amqp.question``.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Any

from clu._amqp.question import is_answered
from clu.exceptions import CluError

if TYPE_CHECKING:
    from aio_pika.abc import AbstractRobustChannel, AbstractRobustQueue

#: How many messages may be delivered that are not acknowledged yet.
PREFETCH = 512
#: The seconds that the broker gets to notice that the former owner of a queue is gone.
_LOCK_TIMEOUT = 2.0
#: How often the exchange is declared again because it has gone before a queue was bound to it.
_MOST_REPAIRS = 4
#: The seconds between two attempts to get a queue.
_RETRY_INTERVAL = 0.1


class Topology:
    """Declares the exchange and the queues on a channel, and binds the queues.

    Parameters
    ----------
    connection, channel
        The connection and the channel of aio_pika.

    Attributes
    ----------
    exchange
        The exchange of aio_pika, once declared.
    names
        The names in use of the queues whose known names are locked, by the known ones.
    """

    exchange: Any

    def __init__(self, connection: Any, channel: AbstractRobustChannel) -> None:
        self._connection = connection
        self._channel = channel
        self._bindings: list[tuple[AbstractRobustQueue, str]] = []
        self._queues: list[tuple[Any, str]] = []
        self.names: dict[str, str] = {}

    async def declare_exchange(self, name: str, kind: Any) -> Any:
        """Declare the exchange. The broker deletes it with its last queue."""
        self.exchange = await self._channel.declare_exchange(name, type=kind, auto_delete=True)
        return self.exchange

    async def declare_queue(self, name: str, owner: str | None = None) -> AbstractRobustQueue:
        """Declare a queue of our own.

        Parameters
        ----------
        name
            The name of the queue.
        owner
            The name of the actor or client to which only it belongs. If another connection has
            the queue and nobody of this name answers, the queue gets another name.

        Raises
        ------
        CluError
            If another connection has a queue of this name, and keeps it.
        """
        queue = await self._try_to_declare(name)
        if queue is None:
            if owner is None or await is_answered(self._connection, self.exchange.name, owner):
                await self._wait_unlocked(name)  # its owner may be about to stop
                queue = await self._try_to_declare(name)
            else:
                queue = await self._try_to_declare(name) or await self._declare_other(name)
        if queue is None:
            raise CluError(
                f"cannot create queue {name}. This may indicate that another instance "
                "of the same actor is running."
            )
        self._queues.append((queue, name))
        return queue

    async def _try_to_declare(self, name: str) -> AbstractRobustQueue | None:
        try:
            return await self._channel.declare_queue(name, exclusive=True)
        except Exception as error:
            if not is_locked(error):
                raise
            await self._reopened()
            return None

    async def _declare_other(self, name: str) -> AbstractRobustQueue:
        queue = await self._channel.declare_queue(other_name(name), exclusive=True)
        self.names[name] = queue.name
        return queue

    async def choose_names(self, connection: Any) -> None:
        """Declare the queues on a new connection, under other names where these are locked.

        Parameters
        ----------
        connection
            The connection of aiormq, on which aio_pika then declares the queues by their names.
        """
        self.names.clear()
        for queue, name in self._queues:
            chosen = name
            # An error closes the channel, so it is one that nobody else uses.
            channel = await connection.channel(publisher_confirms=False)
            try:
                await channel.queue_declare(name, exclusive=True)
            except Exception as error:
                if not is_locked(error):
                    raise
                chosen = self.names[name] = other_name(name)
            else:
                await channel.close()
            queue.name = chosen

    async def _wait_unlocked(self, name: str) -> None:
        """Wait until no other connection has the queue, or for some seconds.

        The broker takes a moment to notice that a connection is gone: an actor that is started
        right after it was killed finds its own queue.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LOCK_TIMEOUT
        while loop.time() < deadline and await self.has_owner(name):
            await asyncio.sleep(_RETRY_INTERVAL)

    async def has_owner(self, name: str) -> bool:
        """Whether another connection has an exclusive queue of this name."""
        from aio_pika.exceptions import ChannelNotFoundEntity

        # The answer may close the channel, so it is one that nobody else uses.
        channel = await self._connection.channel()
        try:
            await channel.declare_queue(name, passive=True, robust=False)
        except ChannelNotFoundEntity:
            return False
        except Exception as error:
            if not is_locked(error):
                raise
        finally:
            await channel.close()
        return True

    async def bind(self, queue: AbstractRobustQueue, key: str) -> None:
        """Bind a queue to the exchange, for messages with a routing key."""
        from aio_pika.exceptions import ChannelNotFoundEntity

        for _ in range(_MOST_REPAIRS):
            with contextlib.suppress(ChannelNotFoundEntity):
                await queue.bind(self.exchange, routing_key=key)
                break
            # The last client that had a queue left after we had declared the exchange, which went
            # with it.
            await self._reopened()
            await self.exchange.declare()
        else:
            await queue.bind(self.exchange, routing_key=key)
        if (queue, key) not in self._bindings:
            self._bindings.append((queue, key))

    async def _reopened(self) -> None:
        """Wait until the channel, which an error has closed, is open again."""
        await asyncio.sleep(_RETRY_INTERVAL)
        await self._channel.ready()

    async def restore(self) -> None:
        """Declare the exchange and the bindings again, on a channel that is open."""
        await self.exchange.declare()
        for queue, key in self._bindings:
            await queue.bind(self.exchange, routing_key=key)


def is_locked(error: BaseException) -> bool:
    """Whether an error says that another connection has a queue."""
    return "RESOURCE_LOCKED" in str(error)


def other_name(name: str) -> str:
    """Return a name for a queue whose known name is locked."""
    return f"{name}.{secrets.token_hex(4)}"
