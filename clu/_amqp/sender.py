"""Publishes messages: in order, confirmed in the background, again after a loss.

It is over 400 lines, as each method changes the same two queues: what waits and what was written.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import time
import uuid
from typing import TYPE_CHECKING, Any

from aiormq.exceptions import ChannelClosed, DeliveryError
from pamqp import commands

from clu._amqp.duplicates import ID_PREFIX
from clu._amqp.errors import connection_error
from clu._amqp.sending import ITEM_COST, Envelope, FrameSink, Sending
from clu._amqp.size import MAX_MESSAGE_SIZE, limit_in
from clu._speedups.amqp import Publisher
from clu.exceptions import CluError, CluValueError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from clu._amqp.backlog import Backlog
    from clu._amqp.message import IncomingMessage

#: How often a message is published again because the connection was lost meanwhile.
_MOST_ATTEMPTS = 10
#: After how many losses in a row messages are published one by one.
_MANY_LOSSES = 3
#: How many bytes are written before looking whether the transport takes more.
_BATCH = 128 * 1024
#: The longest frame before the broker has told its limit.
_FRAME_MAX = 4096
#: For how many seconds without nacks there must have been none before one is logged again.
_NACK_PERIOD = 60.0
#: From how many messages on those that wait are kept in no more memory than they need.
_FEW = 64


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
        Where to report what cannot be published.
    backlog
        Counts what was not confirmed, and decides whether there is room for more.

    Attributes
    ----------
    published, repeated
        How many messages the broker has confirmed, and how many were published more than once.
    max_message_size
        The most bytes that the body of a message may have.
    nacked
        How many replies did not reach all the queues that they were routed to.
    unpublished
        How many replies were dropped because they cannot be encoded or published.
    stalls
        How often the transport took no more for a while.
    prefix
        What the ids of our messages begin with.
    on_nacked
        Is called with the message, if it is a command, that at least one queue did not get.
    on_too_long
        Is called with a reply that the broker has refused because of its size.
    """

    def __init__(self, exchange: str, log: logging.Logger, backlog: Backlog) -> None:
        self._exchange = exchange
        #: Makes what the connection takes of a message.
        self._make: Callable[..., Any] = Publisher(exchange, "text/json").encode
        self._log = log
        self.backlog = backlog
        self.published = self.repeated = self.nacked = self.unpublished = self.stalls = 0
        self._waiting: collections.deque[Sending] = collections.deque()
        self._withdrawn = 0
        #: What was written and not confirmed; the delivery tag of the first one is `_first_tag`.
        #: None stands for one that was confirmed before those in front of it.
        self._unconfirmed: collections.deque[Sending | None] = collections.deque()
        self._first_tag = 1
        self._protocol: FrameSink | None = None
        self._is_open = False
        self._was_paused = False
        self._channel = 1
        self._frame_max = _FRAME_MAX
        self.prefix = f"{ID_PREFIX}{uuid.uuid4().hex[:16]}"
        self._number = 0
        self._losses = 0
        #: What was lost with the channel, for a reason that is not known yet.
        self._unexplained: list[Sending] = []
        #: When a message was last nacked, or the connection was back after a loss.
        self._nacked_at = -_NACK_PERIOD
        self.on_nacked: Callable[[Sending], None] | None = None
        self.on_too_long: Callable[[Sending], None] | None = None
        self.max_message_size = MAX_MESSAGE_SIZE

    def __len__(self) -> int:
        return self.backlog.count

    @property
    def is_healthy(self) -> bool:
        """Whether the broker has confirmed something since the connection was last lost."""
        return self._losses == 0

    def continue_counts(self, last: Sender) -> None:
        """Continue the counts of an earlier one."""
        for name in ("published", "repeated", "nacked", "unpublished", "stalls"):
            setattr(self, name, getattr(last, name))
        self.backlog.continue_counts(last.backlog)

    # -- messages -------------------------------------------------------------------------

    def put(
        self, envelope: Envelope, body: bytes, timestamp: int, is_essential: bool = False
    ) -> bool:
        """Publish a message to all subscribers, as soon as that is possible.

        Parameters
        ----------
        envelope, body
            What it consists of.
        timestamp
            The time, in seconds.
        is_essential
            Whether it is taken even if there is no room for it. Somebody waits for it.

        Returns
        -------
        taken
            False if there was no room for it, or if it cannot be encoded.
        """
        if not is_essential and not self.backlog.admits(
            len(body) + ITEM_COST, self._protocol is not None
        ):
            return False
        self._number = number = self._number + 1
        return self._add(Sending(envelope, body, number, timestamp, None), is_essential)

    def send(
        self, envelope: Envelope, body: bytes, on_settled: Callable[[BaseException | None], Any]
    ) -> Sending:
        """Publish a message once, and report the outcome.

        Parameters
        ----------
        envelope, body
            What it consists of.
        on_settled
            Is called with None when the broker has the message; else with an error of aio_pika:
            a ``DeliveryError`` if it reached no queue, an ``AMQPConnectionError`` if the
            connection was lost.

        Raises
        ------
        ValueError, TypeError
            If the message cannot be encoded.
        """
        self._number = number = self._number + 1
        item = Sending(envelope, body, number, None, on_settled)
        if not self._can_write():
            self._encode(item)  # raises an error now and not later
        self._add(item, is_urgent=True)
        return item

    def withdraw(self, item: Sending) -> None:
        """Ignore the outcome of a message, and do not publish it if it still waits."""
        item.on_settled = _ignore
        if item.attempts == 0 and not item.is_withdrawn:
            # To remove it from the middle of the queue would take as long as the queue is.
            item.is_withdrawn = True
            self._withdrawn += 1
            self._settle(item, CluError("withdrawn"))
            if self._withdrawn > _FEW and self._withdrawn > len(self._waiting) // 2:
                self._waiting = collections.deque(x for x in self._waiting if not x.is_withdrawn)
                self._withdrawn = 0

    def message_id(self, item: Sending) -> str:
        """Return the id of a message, which is the same each time that it is published."""
        return f"{self.prefix}{item.number:x}"

    def _encode(self, item: Sending) -> Any:
        envelope = item.envelope
        return self._make(
            self._channel,
            self._frame_max,
            envelope.routing_key,
            item.body,
            envelope.headers,
            f"{self.prefix}{item.number:x}",
            envelope.correlation_id,
            envelope.reply_to,
            item.timestamp,
            envelope.is_mandatory,
        )

    def _can_write(self) -> bool:
        return self._is_open and not self._waiting and self._losses < _MANY_LOSSES

    def _add(self, item: Sending, is_urgent: bool) -> bool:
        if self._is_open and not self._waiting and self._losses < _MANY_LOSSES:
            self.backlog.add(len(item.body) + ITEM_COST)
            return self._write(item, is_urgent)
        if self.backlog.count > _FEW:
            # The encoder of JSON returns bytes on a block of memory that is much too large.
            item.body = bytes(memoryview(item.body))
        self.backlog.add(item.cost)
        self._waiting.append(item)
        self._advance()
        return True

    def _write(self, item: Sending, is_urgent: bool = False) -> bool:
        """Write a message that is counted already; False if it cannot be encoded."""
        try:
            frames = self._encode(item)
        except (ValueError, TypeError) as error:
            if item.on_settled is not None and item.attempts == 0 and is_urgent:
                self.backlog.remove(item.cost)
                raise
            self._settle(item, error)
            return False
        item.attempts += 1
        self._unconfirmed.append(item)
        if len(self._unconfirmed) > _FEW:
            item.body = bytes(memoryview(item.body))
        assert self._protocol is not None
        self._protocol.send(frames, is_urgent)
        return True

    def _advance(self) -> None:
        """Publish what waits, as far as that is possible."""
        # One by one, a message because of which the broker drops us takes no other with it.
        is_careful = self._losses >= _MANY_LOSSES
        waiting, written = self._waiting, 0
        while waiting and self._is_open and not (is_careful and self._unconfirmed):
            item = waiting.popleft()
            if item.is_withdrawn:
                self._withdrawn -= 1
                continue
            self._write(item)
            written += item.cost
            if written > _BATCH:
                written = 0
                assert self._protocol is not None
                self._protocol.flush()

    def _settle(self, item: Sending, error: BaseException | None, is_logged: bool = True) -> None:
        """Be done with a message, whatever the outcome."""
        self.backlog.remove(item.cost)
        if error is None:
            self.published += 1
            if item.attempts > 1:
                self.repeated += 1
        elif item.on_settled is None:
            self.unpublished += 1
            if is_logged:
                self._log.error("Cannot publish to %s: %r", item.envelope.routing_key, error)
        if item.on_settled is not None:
            item.on_settled(error)

    # -- the broker -----------------------------------------------------------------------

    def confirm(self, tag: int, multiple: bool, is_accepted: bool) -> None:
        """Take the confirmation of the message with a delivery tag, or of all up to it.

        A negative one says that at least one of its queues is gone: the others have the message.
        """
        unconfirmed = self._unconfirmed
        index = tag - self._first_tag
        if not 0 <= index < len(unconfirmed):
            return
        if multiple or index == 0:
            self._confirm_first(index + 1, is_accepted)
            self._first_tag = tag + 1
            while unconfirmed and unconfirmed[0] is None:
                unconfirmed.popleft()
                self._first_tag += 1
        elif (item := unconfirmed[index]) is not None:
            unconfirmed[index] = None
            if not is_accepted:
                self._nack(item)
            self._settle(item, item.returned)
        self._losses = 0
        if self._waiting:
            self._advance()
        if self.backlog.needs_look:
            self.backlog.look(is_connected=True)

    def _confirm_first(self, count: int, is_accepted: bool) -> None:
        """Settle the first messages of those that were written."""
        unconfirmed = self._unconfirmed
        plain = size = 0
        for _ in range(count):
            item = unconfirmed.popleft()
            if item is None:
                continue
            if (
                is_accepted
                and item.attempts == 1
                and item.on_settled is None
                and item.returned is None
            ):
                plain += 1
                size += len(item.body) + ITEM_COST
                continue
            if not is_accepted:
                self._nack(item)
            self._settle(item, item.returned)
        if plain:
            self.published += plain
            self.backlog.remove(size, plain)

    def _nack(self, item: Sending) -> None:
        self.nacked += 1
        if item.on_settled is not None and self.on_nacked is not None:
            self.on_nacked(item)
        last, self._nacked_at = self._nacked_at, time.monotonic()
        if self._nacked_at - last > _NACK_PERIOD:
            self._log.warning(
                "A queue for %s is gone: messages reach only the others.",
                item.envelope.routing_key,
            )

    def take_return(self, message: IncomingMessage) -> None:
        """Take back a message that reached no queue. The broker will confirm it, too."""
        for item in self._unconfirmed:
            if item is not None and self.message_id(item) == message.message_id:
                text, exchange = message.reply_text or "", message.exchange
                frame = commands.Basic.Return(
                    message.reply_code, text, exchange, message.routing_key
                )
                item.returned = DeliveryError(None, frame)
                return

    def attach(self, protocol: FrameSink, channel: int, frame_max: int) -> None:
        """Publish on a channel that was opened."""
        self.explain_loss()
        if self._losses:
            self._nacked_at = time.monotonic()  # the log says already that there was a loss
        self._protocol = protocol
        self._make = protocol.encoder(self._exchange)
        self._first_tag = 1
        self._channel, self._frame_max = channel, frame_max
        self.update()

    def detach(self, reason_follows: bool = False) -> None:
        """Publish nothing: the channel is lost, and with it what was not confirmed.

        Parameters
        ----------
        reason_follows
            Whether `explain_loss` will be called.
        """
        if self._protocol is None:
            return
        self._protocol = None
        self._is_open = self._was_paused = False
        lost = [item for item in self._unconfirmed if item is not None]
        self._unconfirmed.clear()
        if lost:
            self._losses += 1
        kept = []
        for item in lost:
            if item.returned is not None:
                self._settle(item, item.returned)
            elif item.on_settled is None and item.attempts < _MOST_ATTEMPTS:
                kept.append(item)
            elif reason_follows:
                self._unexplained.append(item)
            else:
                self._settle(item, connection_error("The connection to the broker was lost."))
        self._waiting.extendleft(reversed(kept))

    def explain_loss(self, error: BaseException | None = None) -> None:
        """Settle what was lost with the channel.

        Parameters
        ----------
        error
            Why the broker has closed the channel, if it has.
        """
        unexplained, self._unexplained = self._unexplained, []
        limit = limit_in(error)
        if limit is not None:
            self._learn_limit(limit)
        for item in unexplained:
            if limit is not None and len(item.body) > limit:
                self._settle(item, _too_long(item, limit))
            elif isinstance(error, ChannelClosed):
                self._settle(item, connection_error(f"The broker closed the channel: {error}"))
            else:
                self._settle(item, connection_error("The connection to the broker was lost."))

    def update(self) -> None:
        """See whether the connection takes messages now."""
        protocol = self._protocol
        is_paused = protocol is not None and protocol.is_paused
        if is_paused and not self._was_paused:
            self.stalls += 1
        self._was_paused = is_paused
        self._is_open = protocol is not None and not (
            is_paused or protocol.is_blocked or protocol.is_closed
        )
        self._advance()

    def _learn_limit(self, limit: int) -> None:
        self.max_message_size = min(limit, self.max_message_size)
        waiting, self._waiting = self._waiting, collections.deque()
        refused: list[Sending] = []
        for item in waiting:
            is_refused = len(item.body) > limit and not item.is_withdrawn
            (refused if is_refused else self._waiting).append(item)
        for item in refused:
            self._settle(item, _too_long(item, limit))
            if item.on_settled is None and self.on_too_long is not None:
                self.on_too_long(item)

    # -- the end --------------------------------------------------------------------------

    async def wait_confirmed(self, timeout: float) -> None:
        """Wait until the broker has confirmed everything, at most for some seconds."""
        with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
            await asyncio.wait_for(self.backlog.wait(0), timeout)

    def give_up(self, error: BaseException) -> None:
        """Forget what was not confirmed."""
        self.explain_loss()
        self._protocol = None
        self._is_open = False
        left = [
            item
            for item in (*self._unconfirmed, *self._waiting)
            if item is not None and not item.is_withdrawn
        ]
        self._unconfirmed.clear()
        self._waiting.clear()
        self._withdrawn = 0
        before = self.unpublished
        for item in left:
            self._settle(item, error, is_logged=False)
        if lost := self.unpublished - before:
            self._log.error("%d replies could not be published: %s", lost, error)


def _ignore(_: BaseException | None) -> None:
    pass


def _too_long(item: Sending, limit: int) -> CluValueError:
    return CluValueError(
        f"The message has {len(item.body)} bytes, and the broker takes {limit} at most."
    )
