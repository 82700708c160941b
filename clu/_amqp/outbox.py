"""What is to be published: in order, a window at a time, and again after a lost connection."""

from __future__ import annotations

import asyncio
import collections
import contextlib
from typing import TYPE_CHECKING, Any

from clu._amqp.errors import connection_error
from clu._amqp.overflow import Overflow
from clu.exceptions import CluError

if TYPE_CHECKING:
    import logging
    from collections.abc import Awaitable, Callable

#: How many messages may be on their way to the broker without its confirmation.
WINDOW = 256
#: How often a message is published again because the connection was lost meanwhile.
_MOST_ATTEMPTS = 10
#: After how many losses in a row messages are published one by one.
_MANY_LOSSES = 3


class Outgoing:
    """A message on its way to the broker.

    Parameters
    ----------
    message
        The message of aio_pika.
    routing_key
        Where it goes.
    kept
        Whether it is published again when the connection is lost.
    """

    __slots__ = ("attempts", "done", "kept", "message", "number", "routing_key", "size")

    def __init__(self, message: Any, routing_key: str, kept: bool) -> None:
        self.message = message
        self.routing_key = routing_key
        self.kept = kept
        self.number = 0
        self.attempts = 0
        # orjson gives bytes on a block of memory that is several times too large.
        message.body = bytes(memoryview(message.body))
        self.size = len(message.body)
        self.done: asyncio.Future[None] | None = None


class Outbox:
    """Publishes messages in the order in which they were put.

    aio_pika's ``publish`` returns when the broker has confirmed the message. To wait for each
    would cost a round trip a message, so a window of them is under way at once. What was not
    confirmed when the connection was lost is published again, in order and with the same message
    id, once there is a new one.

    Parameters
    ----------
    publish
        A coroutine function that publishes a message of aio_pika with a routing key.
    is_ready
        Tells whether messages can be published now.
    wait_ready
        A coroutine function that waits until they can be again.
    log
        Where to report what is lost.
    max_messages, max_bytes
        How much may wait. What comes on top is counted, logged and dropped.

    Attributes
    ----------
    published, dropped, repeated
        How many messages the broker has confirmed, how many were dropped, and how many were
        published more than once.
    overflow
        Tells when messages are dropped.
    """

    def __init__(
        self,
        publish: Callable[[Any, str], Awaitable[Any]],
        is_ready: Callable[[], bool],
        wait_ready: Callable[[], Awaitable[None]],
        log: logging.Logger,
        max_messages: int = 10_000,
        max_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self._publish = publish
        self._is_ready = is_ready
        self._wait_ready = wait_ready
        self._log = log
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.published = self.dropped = self.repeated = 0
        self._waiting: collections.deque[Outgoing] = collections.deque()
        self._under_way: dict[asyncio.Task[Any], Outgoing] = {}
        self._failed: list[Outgoing] = []
        self._recovery: asyncio.Task[None] | None = None
        self._is_recovering = False
        self.overflow = Overflow(log, max_messages, max_bytes)
        self._size = 0
        self._number = 0
        #: How often in a row the connection was lost before any message was confirmed.
        self._losses = 0
        self._idle: asyncio.Event = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way) + len(self._failed)

    @property
    def size(self) -> int:
        """How many bytes wait to be published or confirmed."""
        return self._size

    def put(self, message: Any, routing_key: str) -> bool:
        """Publish a message to whoever listens, as soon as that is possible.

        Returns
        -------
        taken
            False if there was no room for it.
        """
        item = Outgoing(message, routing_key, kept=True)
        if len(self) >= self.max_messages or self._size + item.size > self.max_bytes:
            self.overflow.lose(len(self), self._size)
            self.dropped += 1
            return False
        self._add(item)
        return True

    async def send(self, message: Any, routing_key: str) -> None:
        """Publish a message once, and return when the broker has confirmed it.

        Raises
        ------
        aio_pika.exceptions.PublishError
            If it reaches no queue.
        CluConnectionError
            If the connection is lost, as an ``AMQPConnectionError`` of aio_pika.
        """
        item = Outgoing(message, routing_key, kept=False)
        item.done = asyncio.get_running_loop().create_future()
        self._add(item)
        try:
            await item.done
        except asyncio.CancelledError:
            if item in self._waiting:
                self._waiting.remove(item)
                self._settle(item, CluError("withdrawn"))
            raise

    def _add(self, item: Outgoing) -> None:
        self._number += 1
        item.number = self._number
        self._size += item.size
        self._waiting.append(item)
        self._idle.clear()
        self._advance()

    def _advance(self) -> None:
        """Publish what waits, as far as the window allows."""
        if self._waiting and not self._is_recovering and not self._is_ready():
            self._recover()
        # One by one, a message because of which the broker drops us takes no other with it.
        window = WINDOW if self._losses < _MANY_LOSSES else 1
        while self._waiting and len(self._under_way) < window and not self._is_recovering:
            item = self._waiting.popleft()
            item.attempts += 1
            task = asyncio.get_running_loop().create_task(self._publish_item(item))
            self._under_way[task] = item
            task.add_done_callback(self._ended)

    async def _publish_item(self, item: Outgoing) -> None:
        await self._publish(item.message, item.routing_key)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        item = self._under_way.pop(task, None)
        if item is None:  # given up
            return
        error = None
        # aiormq cancels what waits for a confirmation on a connection that is lost.
        lost = task.cancelled()
        if not lost and (error := task.exception()) is not None:
            lost = _is_loss(error)
            if item.kept and _is_return(error):
                error = None
        if lost:
            self._lose(item, error)
        else:
            self._settle(item, error)
        self._advance()

    def _lose(self, item: Outgoing, error: BaseException | None) -> None:
        if item.kept and item.attempts < _MOST_ATTEMPTS:
            self._failed.append(item)
        else:
            lost = connection_error(f"The connection to the broker was lost ({error or 'closed'}).")
            lost.__cause__ = error
            self._settle(item, lost)
        if not self._is_recovering:
            self._losses += 1
            self._recover()
            # The others would be published before this one, or wait for what never comes.
            for task in list(self._under_way):
                task.cancel()

    def _settle(self, item: Outgoing, error: BaseException | None, is_logged: bool = True) -> None:
        """Be done with a message, for good or ill."""
        self._size -= item.size
        if error is None:
            self.published += 1
            self._losses = 0
            self.repeated += item.attempts > 1
            if self.overflow.is_under_way:
                self.overflow.look(len(self), self._size)
        elif item.done is None:
            self.dropped += 1
            if is_logged:
                self._log.error("Cannot publish to %s: %r", item.routing_key, error)
        if item.done is not None and not item.done.done():
            if error is None:
                item.done.set_result(None)
            else:
                item.done.set_exception(error)
        if not len(self):
            self._idle.set()

    def _recover(self) -> None:
        self._is_recovering = True
        self._recovery = asyncio.get_running_loop().create_task(self._resume())

    async def _resume(self) -> None:
        """Wait for a new connection, then publish what is left."""
        try:
            if self._under_way:
                await asyncio.wait(list(self._under_way))
                await asyncio.sleep(0)
            await self._wait_ready()
        except Exception as error:
            self._is_recovering = False
            self._give_up(error)
            return
        for item in sorted(self._failed, key=lambda item: item.number, reverse=True):
            self._waiting.appendleft(item)
        self._failed.clear()
        self._is_recovering = False
        self._advance()

    def _give_up(self, error: BaseException) -> None:
        under_way = list(self._under_way)
        left = [*self._failed, *self._under_way.values(), *self._waiting]
        self._failed.clear()
        self._under_way.clear()
        self._waiting.clear()
        for task in under_way:
            task.cancel()
        dropped = self.dropped
        for item in sorted(left, key=lambda item: item.number):
            self._settle(item, error, is_logged=False)
        if self.dropped > dropped:
            lost = self.dropped - dropped
            self._log.error("%d replies could not be published: %s", lost, error)

    async def drain(self, timeout: float) -> None:
        """Wait until the broker has confirmed everything, at most for some seconds."""
        with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout)

    async def close(self) -> None:
        """Forget what was not published."""
        tasks = list(self._under_way)
        if self._recovery is not None and not self._recovery.done():
            self._recovery.cancel()
            tasks.append(self._recovery)
        self._give_up(CluError("the client was stopped"))
        await asyncio.gather(*tasks, return_exceptions=True)
        self._is_recovering = False


def _is_return(error: BaseException) -> bool:
    """Whether a message reached no queue."""
    from aio_pika.exceptions import DeliveryError
    from pamqp.commands import Basic

    return isinstance(error, DeliveryError) and isinstance(error.frame, Basic.Return)


def _is_loss(error: BaseException) -> bool:
    """Whether a message was not published because the connection or the channel was lost."""
    from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError

    if isinstance(error, DeliveryError):
        return False
    # aiormq fails what waits on a connection that is closed without a reason with a bare Exception.
    return type(error) is Exception or isinstance(
        error, (AMQPError, ChannelInvalidStateError, ConnectionError)
    )
