"""The exchange, and the queues of a connection with their bindings."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

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
    """

    exchange: Any

    def __init__(self, connection: Any, channel: AbstractRobustChannel) -> None:
        self._connection = connection
        self._channel = channel
        self._bindings: list[tuple[AbstractRobustQueue, str]] = []

    async def declare_exchange(self, name: str, kind: Any) -> Any:
        """Declare the exchange. The broker deletes it with its last queue."""
        self.exchange = await self._channel.declare_exchange(name, type=kind, auto_delete=True)
        return self.exchange

    async def declare_queue(self, name: str) -> AbstractRobustQueue:
        """Declare a queue of our own.

        Raises
        ------
        CluError
            If another connection has a queue of this name, and keeps it.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LOCK_TIMEOUT
        while True:
            try:
                return await self._channel.declare_queue(name, exclusive=True)
            except Exception as error:
                if "RESOURCE_LOCKED" not in str(error):
                    raise
                if not await self._wait_unlocked(name, deadline):
                    raise CluError(
                        f"cannot create queue {name}. This may indicate that another instance "
                        "of the same actor is running."
                    ) from error

    async def _wait_unlocked(self, name: str, deadline: float) -> bool:
        """Wait until no other connection has the queue; return whether that was in time.

        The broker takes a moment to notice that a connection is gone: an actor that is started
        right after it was killed finds its own queue.
        """
        loop = asyncio.get_running_loop()
        while loop.time() < deadline:
            await asyncio.sleep(_RETRY_INTERVAL)
            if not await self.has_owner(name):
                return True
        return False

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
            if "RESOURCE_LOCKED" not in str(error):
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
            # with it. The error has closed the channel, which opens again.
            await asyncio.sleep(_RETRY_INTERVAL)
            await self._channel.ready()
            await self.exchange.declare()
        else:
            await queue.bind(self.exchange, routing_key=key)
        if (queue, key) not in self._bindings:
            self._bindings.append((queue, key))

    async def restore(self) -> None:
        """Declare the exchange and the bindings again, on a channel that is open."""
        await self.exchange.declare()
        for queue, key in self._bindings:
            await queue.bind(self.exchange, routing_key=key)
