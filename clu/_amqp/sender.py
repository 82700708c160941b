"""Publishes encoded messages: in order, confirmed in the background, again after a loss."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import uuid
from typing import TYPE_CHECKING, Any, Protocol

from aiormq.exceptions import DeliveryError
from pamqp import commands

from clu._amqp.errors import connection_error
from clu._amqp.overflow import Overflow
from clu._speedups.amqp import Publisher, move_frames
from clu.exceptions import CluError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from clu._amqp.message import IncomingMessage

#: How often a message is published again because the connection was lost meanwhile.
_MOST_ATTEMPTS = 10
#: After how many losses in a row messages are published one by one.
_MANY_LOSSES = 3
#: How many bytes are written before looking whether the transport takes more.
_BATCH = 128 * 1024
#: The longest frame before the broker has told its limit.
_FRAME_MAX = 4096


class FrameSink(Protocol):
    """What is needed of the connection that frames are written to."""

    is_paused: bool
    is_blocked: bool
    is_closed: bool

    def send(self, data: bytes, is_urgent: bool = False) -> None:
        """Write bytes, with what else is written in this iteration of the event loop."""

    def flush(self) -> None:
        """Hand what was written to the transport."""


class Sending:
    """A message on its way to the broker.

    Parameters
    ----------
    frames
        The bytes that publish it.
    message_id, routing_key
        The id of the message, and where it goes.
    on_settled
        Is called with None when the broker has it, or with the error. Such a message is not
        published again when the connection is lost.
    """

    __slots__ = ("attempts", "frames", "message_id", "on_settled", "returned", "routing_key")

    def __init__(
        self,
        frames: bytes,
        message_id: str,
        routing_key: str,
        on_settled: Callable[[BaseException | None], Any] | None,
    ) -> None:
        self.frames = frames
        self.message_id = message_id
        self.routing_key = routing_key
        self.on_settled = on_settled
        self.attempts = 0
        self.returned: DeliveryError | None = None


class Sender:
    """Publishes messages in the order in which they were put.

    Messages leave as fast as the transport takes them. The broker confirms them later, many at
    once. What was not confirmed when the connection was lost is published again, in order and
    with the same message id, once there is a new one.

    Parameters
    ----------
    exchange
        The name of the exchange.
    log
        Where to report what is lost.
    max_messages, max_bytes
        How much may wait to be published or confirmed. What comes on top is counted, logged and
        dropped.

    Attributes
    ----------
    published, dropped, repeated
        How many messages the broker has confirmed, how many were dropped, and how many were
        published more than once.
    size
        How many bytes wait to be published or confirmed.
    overflow
        Tells when messages are dropped.
    prefix
        What the ids of our messages begin with.
    """

    def __init__(
        self, exchange: str, log: logging.Logger, max_messages: int, max_bytes: int
    ) -> None:
        self._encode = Publisher(exchange, "text/json").encode
        self._log = log
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.published = self.dropped = self.repeated = self.size = 0
        self._count = 0
        self._waiting: collections.deque[Sending] = collections.deque()
        #: What was written and not confirmed; the delivery tag of the first one is `_first_tag`.
        #: None stands for one that was confirmed before those in front of it.
        self._under_way: collections.deque[Sending | None] = collections.deque()
        self._first_tag = 1
        self._protocol: FrameSink | None = None
        self._is_open = False
        #: What the messages that wait are encoded for.
        self._channel = 1
        self._frame_max = _FRAME_MAX
        self.prefix = uuid.uuid4().hex[:20]
        self._number = 0
        self._losses = 0
        self.overflow = Overflow(log, max_messages, max_bytes)
        self._idle: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return self._count

    @property
    def is_well(self) -> bool:
        """Whether the broker has confirmed something since the connection was last lost."""
        return self._losses == 0

    def continue_counts(self, last: Sender) -> None:
        """Go on counting where another one has ended."""
        self.published, self.dropped = last.published, last.dropped
        self.repeated = last.repeated

    # -- messages -------------------------------------------------------------------------

    def put(
        self,
        routing_key: str,
        body: bytes,
        headers: dict[str, Any],
        correlation_id: str | None,
        timestamp: int,
    ) -> bool:
        """Publish a message to whoever listens, as soon as that is possible.

        Parameters
        ----------
        routing_key
            Where it goes.
        body, headers, correlation_id
            What it consists of.
        timestamp
            The time, in seconds.

        Returns
        -------
        taken
            False if there was no room for it, or if it cannot be encoded.
        """
        self._number += 1
        message_id = f"{self.prefix}{self._number:x}"
        try:
            frames = self._encode(
                self._channel,
                self._frame_max,
                routing_key,
                body,
                headers,
                message_id,
                correlation_id,
                None,
                timestamp,
                False,
            )
        except (ValueError, TypeError) as error:
            self.dropped += 1
            self._log.error("Cannot publish to %s: %r", routing_key, error)
            return False
        if self._count >= self.max_messages or self.size + len(frames) > self.max_bytes:
            self.overflow.lose(self._count, self.size)
            self.dropped += 1
            return False
        self._add(Sending(frames, message_id, routing_key, None))
        return True

    def send(
        self,
        routing_key: str,
        body: bytes,
        headers: dict[str, Any],
        correlation_id: str,
        reply_to: str,
        on_settled: Callable[[BaseException | None], Any],
    ) -> Sending:
        """Publish a message once, and report how it went.

        Parameters
        ----------
        routing_key, body, headers, correlation_id
            As for `put`.
        reply_to
            The queue that replies go to.
        on_settled
            Is called with None when the broker has the message; else with an error of aio_pika:
            a ``DeliveryError`` if it reached no queue, an ``AMQPConnectionError`` if the
            connection was lost.

        Raises
        ------
        ValueError, TypeError
            If the message cannot be encoded.
        """
        self._number += 1
        message_id = f"{self.prefix}{self._number:x}"
        frames = self._encode(
            self._channel,
            self._frame_max,
            routing_key,
            body,
            headers,
            message_id,
            correlation_id,
            reply_to,
            None,
            True,
        )
        item = Sending(frames, message_id, routing_key, on_settled)
        self._add(item)
        return item

    def withdraw(self, item: Sending) -> None:
        """Do not report any more how a message went, and do not publish it if it waits."""
        item.on_settled = _ignore
        if item.attempts == 0 and item in self._waiting:
            self._waiting.remove(item)
            self._settle(item, CluError("withdrawn"))

    def _add(self, item: Sending) -> None:
        self._count += 1
        self.size += len(item.frames)
        if self._is_open and not self._waiting and self._losses < _MANY_LOSSES:
            assert self._protocol is not None
            item.attempts = 1
            self._under_way.append(item)
            # Somebody waits for a message that is reported on.
            self._protocol.send(item.frames, item.on_settled is not None)
        else:
            self._waiting.append(item)
            self._advance()

    def _advance(self) -> None:
        """Publish what waits, as far as that is possible."""
        # One by one, a message because of which the broker drops us takes no other with it.
        window = self.max_messages if self._losses < _MANY_LOSSES else 1
        written = 0
        while self._waiting and self._is_open and len(self._under_way) < window:
            assert self._protocol is not None
            item = self._waiting.popleft()
            item.attempts += 1
            self._under_way.append(item)
            self._protocol.send(item.frames)
            written += len(item.frames)
            if written > _BATCH:
                written = 0
                self._protocol.flush()

    def _settle(self, item: Sending, error: BaseException | None, is_logged: bool = True) -> None:
        """Be done with a message, for good or ill."""
        self._count -= 1
        self.size -= len(item.frames)
        if error is None:
            self.published += 1
            if item.attempts > 1:
                self.repeated += 1
        elif item.on_settled is None:
            self.dropped += 1
            if is_logged:
                self._log.error("Cannot publish to %s: %r", item.routing_key, error)
        if item.on_settled is not None:
            item.on_settled(error)
        if self._count == 0 and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    # -- the broker -----------------------------------------------------------------------

    def confirm(self, tag: int, multiple: bool, is_accepted: bool) -> None:
        """Take the broker's word on the message with a delivery tag, or on all up to it."""
        under_way = self._under_way
        index = tag - self._first_tag
        if not 0 <= index < len(under_way):
            return
        error = None if is_accepted else DeliveryError(None, commands.Basic.Nack(tag, multiple))
        if multiple or index == 0:
            for _ in range(index + 1):
                item = under_way.popleft()
                if item is not None:
                    self._settle(item, error or item.returned)
            self._first_tag = tag + 1
            while under_way and under_way[0] is None:
                under_way.popleft()
                self._first_tag += 1
        elif (item := under_way[index]) is not None:
            under_way[index] = None
            self._settle(item, error or item.returned)
        self._losses = 0
        if self._waiting:
            self._advance()
        elif self.overflow.is_under_way:
            self.overflow.look(self._count, self.size)

    def take_return(self, message: IncomingMessage) -> None:
        """Take back a message that reached no queue. The broker will confirm it, too."""
        for item in self._under_way:
            if item is not None and item.message_id == message.message_id:
                text, exchange = message.reply_text or "", message.exchange
                frame = commands.Basic.Return(
                    message.reply_code, text, exchange, message.routing_key
                )
                item.returned = DeliveryError(None, frame)
                return

    def attach(self, protocol: FrameSink, channel: int, frame_max: int) -> None:
        """Publish on a channel that was opened."""
        self._protocol = protocol
        self._first_tag = 1
        if (channel, frame_max) != (self._channel, self._frame_max):
            self._channel, self._frame_max = channel, frame_max
            self.size = 0
            for item in self._waiting:
                item.frames = move_frames(item.frames, channel, frame_max)
                self.size += len(item.frames)
        self.update()

    def detach(self) -> None:
        """Publish nothing: the channel is lost, and with it what was not confirmed."""
        if self._protocol is None:
            return
        self._protocol = None
        self._is_open = False
        lost = [item for item in self._under_way if item is not None]
        self._under_way.clear()
        if lost:
            self._losses += 1
        kept = []
        for item in lost:
            if item.returned is not None:
                self._settle(item, item.returned)
            elif item.on_settled is None and item.attempts < _MOST_ATTEMPTS:
                kept.append(item)
            else:
                self._settle(item, connection_error("The connection to the broker was lost."))
        self._waiting.extendleft(reversed(kept))

    def update(self) -> None:
        """See whether the connection takes messages now."""
        protocol = self._protocol
        self._is_open = protocol is not None and not (
            protocol.is_paused or protocol.is_blocked or protocol.is_closed
        )
        self._advance()

    # -- the end --------------------------------------------------------------------------

    async def drain(self, timeout: float) -> None:
        """Wait until the broker has confirmed everything, at most for some seconds."""
        if self._count == 0:
            return
        self._idle = asyncio.get_running_loop().create_future()
        try:
            with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
                await asyncio.wait_for(self._idle, timeout)
        finally:
            self._idle = None

    def give_up(self, error: BaseException) -> None:
        """Forget what was not confirmed."""
        self._protocol = None
        self._is_open = False
        left = [item for item in (*self._under_way, *self._waiting) if item is not None]
        self._under_way.clear()
        self._waiting.clear()
        dropped = self.dropped
        for item in left:
            self._settle(item, error, is_logged=False)
        if self.dropped > dropped:
            lost = self.dropped - dropped
            self._log.error("%d replies could not be published: %s", lost, error)


def _ignore(_: BaseException | None) -> None:
    pass
