"""A channel as the memory broker sees it: the methods of AMQP 0-9-1.

It is over 400 lines since a channel is one object with one state, and AMQP has that many methods,
each of them a few lines here.
"""

from __future__ import annotations

import collections
import secrets
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pamqp import commands

from clu._amqp.memory.faults import DROP, DUPLICATE, NACK
from clu._amqp.memory.message import content_frames, decode
from clu._amqp.memory.problems import ChannelProblem, ConnectionProblem
from clu._amqp.memory.queues import Consumer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pamqp.base import Frame

    from clu._amqp.memory.broker import Broker
    from clu._amqp.memory.message import MemoryMessage
    from clu._amqp.memory.queues import Entry, Queue

__all__ = ["Channel"]

Basic, Exchanges, Queues = commands.Basic, commands.Exchange, commands.Queue


class Peer(Protocol):
    """What a channel needs of its connection."""

    broker: Broker
    user: str
    frame_max: int

    def write(self, method: Any, channel: int) -> None:
        """Send a method."""

    def write_bytes(self, data: bytes) -> None:
        """Send frames."""

    def deliver(self, message: MemoryMessage) -> None:
        """Send a message to a consumer."""

    def give_back(self, message: MemoryMessage, channel: int) -> None:
        """Send a message back that reached no queue."""

    def call_later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call a function of a channel later, as if the client had called it."""

    def confirm_later(self, channel: Channel) -> None:
        """Confirm what is published on a channel, once all is done that has come."""

    def confirm(self, channel: int, tag: int, multiple: bool, is_accepted: bool) -> None:
        """Send a confirmation."""


class _Unacknowledged(NamedTuple):
    """A message that was delivered, and is not acknowledged yet."""

    queue: Queue
    consumer: Consumer | None
    entry: Entry


class Channel:
    """A channel of a connection.

    Parameters
    ----------
    session
        The connection.
    number
        The number of the channel.

    Attributes
    ----------
    is_closed
        Whether the broker has closed it, and waits for the client to say so too.
    published
        How many messages were published on it since confirms were switched on.
    """

    def __init__(self, session: Peer, number: int) -> None:
        self.session = session
        self.broker = session.broker
        self.number = number
        self.is_closed = False
        self.is_confirming = False
        self.published = self._confirmed = 0
        self._tag = 0
        self._unacknowledged: dict[int, _Unacknowledged] = {}
        self._consumers: dict[str, Consumer] = {}
        self._prefetch = self._total_prefetch = 0
        self._unacknowledged_consumed = 0
        self._last_queue = ""
        #: Messages that are kept back, with when they are published.
        self._held: collections.deque[tuple[float, MemoryMessage]] = collections.deque()
        #: The message that is being received, with its header and the bodies so far.
        self._publish: Any = None
        self._header: bytes | None = None
        self._bodies: list[bytes] = []
        self._methods: dict[str, Callable[[Any], Frame | None]] = {
            "Basic.Ack": self._ack,
            "Basic.Cancel": self._cancel,
            "Basic.Consume": self._consume,
            "Basic.Get": self._get,
            "Basic.Nack": self._nack,
            "Basic.Publish": self._begin_publish,
            "Basic.Qos": self._qos,
            "Basic.Recover": self._recover,
            "Basic.Reject": self._nack,
            "Channel.Flow": self._flow,
            "Confirm.Select": self._select_confirms,
            "Exchange.Declare": self._declare_exchange,
            "Exchange.Delete": self._delete_exchange,
            "Queue.Bind": self._bind,
            "Queue.Declare": self._declare_queue,
            "Queue.Delete": self._delete_queue,
            "Queue.Purge": self._purge,
            "Queue.Unbind": self._unbind,
        }

    def call(self, method: Any) -> None:
        """Do what a method says, and answer.

        Raises
        ------
        ChannelProblem, ConnectionProblem
            If it cannot be done.
        """
        if self._publish is not None:
            raise ConnectionProblem(
                505, "UNEXPECTED_FRAME - expected content header, got a method instead"
            )
        function = self._methods.get(method.name)
        if function is None:
            raise ConnectionProblem(
                540, f"NOT_IMPLEMENTED - the memory broker has no method {method.name}"
            )
        answer = function(method)
        if answer is not None and not getattr(method, "nowait", False):
            self.session.write(answer, self.number)

    def release(self) -> None:
        """Cancel the consumers, and put back what was not acknowledged."""
        consumers = list(self._consumers.values())
        self._consumers.clear()
        for consumer in consumers:
            consumer.queue.consumers.remove(consumer)
        self._requeue(list(self._unacknowledged))
        for consumer in consumers:
            self.broker.host.consumer_gone(consumer.queue)

    # -- messages in ----------------------------------------------------------------------

    def _begin_publish(self, method: Any) -> None:
        if method.immediate:
            raise ConnectionProblem(540, "NOT_IMPLEMENTED - immediate=true")
        self._publish, self._header, self._bodies = method, None, []

    def take_header(self, payload: bytes) -> None:
        """Take the header of a message."""
        if self._publish is None or self._header is not None:
            raise ConnectionProblem(505, "UNEXPECTED_FRAME - unexpected content header")
        self._header = payload
        if _size_in(payload) == 0:
            self._end_publish()

    def take_body(self, payload: bytes) -> None:
        """Take a part of the body of a message."""
        if self._publish is None or self._header is None:
            raise ConnectionProblem(505, "UNEXPECTED_FRAME - unexpected content body")
        self._bodies.append(payload)
        if sum(map(len, self._bodies)) >= _size_in(self._header):
            self._end_publish()

    def _end_publish(self) -> None:
        method, self._publish = self._publish, None
        assert self._header is not None
        message = decode(self._header, b"".join(self._bodies))
        self._header, self._bodies = None, []
        message.exchange, message.routing_key = method.exchange, method.routing_key
        message.is_mandatory = bool(method.mandatory)
        self.publish(message)

    def publish(self, message: MemoryMessage) -> None:
        """Send a message to the queues that it is for.

        Raises
        ------
        ChannelProblem, ConnectionProblem
            If that cannot be done.
        """
        broker = self.broker
        if len(message.body) > broker.max_message_size:
            raise ChannelProblem(
                406,
                f"PRECONDITION_FAILED - message size {len(message.body)} is larger than "
                f"configured max size {broker.max_message_size}",
            )
        if message.header is not None:
            self._check(message)
        if self._held or broker.faults.is_active:
            self._publish_faultily(message)
            return
        queues = broker.host.route(message)
        self.published += 1
        if not queues and message.is_mandatory:
            self._give_back(message)
        elif len(queues) > 1:
            message.is_shared = True
        for queue in queues:
            queue.put(message)
        if self.is_confirming and self.published == self._confirmed + 1:
            self.session.confirm_later(self)

    def _publish_faultily(self, message: MemoryMessage) -> None:
        """Publish a message now or later, unless the faults say otherwise."""
        seconds = self.broker.faults.delay_of(message.routing_key)
        if not seconds and not self._held:
            self._publish_now(message)
            return
        end = self.broker.now() + seconds
        if self._held:
            end = max(end, self._held[-1][0])
        else:
            self.session.call_later(seconds, self.publish_held)
        self._held.append((end, message))

    def publish_held(self) -> None:
        """Publish what was kept back long enough.

        Raises
        ------
        ChannelProblem, ConnectionProblem
            As for `publish`.
        """
        while self._held and not self.is_closed:
            seconds = self._held[0][0] - self.broker.now()
            if seconds > 0:
                self.session.call_later(seconds, self.publish_held)
                break
            self._publish_now(self._held.popleft()[1])

    def _publish_now(self, message: MemoryMessage) -> None:
        fate = self.broker.faults.fate_of(message.routing_key)
        queues = self.broker.host.route(message)
        self.published += 1
        if fate == NACK:
            self.confirm(is_accepted=False)
            return
        if fate != DROP:
            if not queues and message.is_mandatory:
                self._give_back(message)
            times = 2 if fate == DUPLICATE else 1
            message.is_shared = len(queues) * times > 1
            for queue in queues * times:
                queue.put(message)
        if self.is_confirming:
            self.session.confirm_later(self)

    def _check(self, message: MemoryMessage) -> None:
        """See that a message asks for nothing that there is not here."""
        expiration = message.raw_expiration
        if expiration is not None and not (expiration.isascii() and expiration.isdigit()):
            raise ChannelProblem(406, f"PRECONDITION_FAILED - invalid expiration '{expiration}'")
        for name in ("CC", "BCC"):
            if name in message.headers:
                raise ConnectionProblem(
                    540, f"NOT_IMPLEMENTED - the memory broker does not know the header {name}"
                )
        user = self.session.user
        if message.user_id is not None and message.user_id != user:
            raise ChannelProblem(
                406,
                f"PRECONDITION_FAILED - user_id property set to '{message.user_id}' but "
                f"authenticated user was '{user}'",
            )

    def _give_back(self, message: MemoryMessage) -> None:
        self.confirm(up_to=self.published - 1)
        message.reply_code, message.reply_text = 312, "NO_ROUTE"
        self.session.give_back(message, self.number)

    def confirm(self, *, up_to: int | None = None, is_accepted: bool = True) -> None:
        """Confirm what was published and is not confirmed yet.

        Parameters
        ----------
        up_to
            The number of the last message to confirm; by default the last one.
        is_accepted
            Whether the last message was accepted. Those before it were.
        """
        if not self.is_confirming:
            return
        last = self.published if up_to is None else up_to
        if not is_accepted and last - 1 > self._confirmed:
            self.confirm(up_to=last - 1)
        if last > self._confirmed:
            is_multiple = last > self._confirmed + 1
            self._confirmed = last
            self.session.confirm(self.number, last, is_multiple, is_accepted)

    def _select_confirms(self, _: Any) -> Frame:
        self.is_confirming = True
        return commands.Confirm.SelectOk()

    # -- messages out ---------------------------------------------------------------------

    def has_room(self) -> bool:
        """Whether the channel takes a further message that must be acknowledged."""
        return not self._total_prefetch or self._unacknowledged_consumed < self._total_prefetch

    def deliver(self, consumer: Consumer, entry: Entry) -> None:
        """Deliver a message to a consumer."""
        message = entry.message
        if not consumer.no_ack:
            item = _Unacknowledged(consumer.queue, consumer, entry)
            self._unacknowledged[self._tag + 1] = item
            consumer.unacknowledged += 1
            self._unacknowledged_consumed += 1
            message.is_shared = True  # with the broker, until it is acknowledged
        self.hand_over(consumer, message, entry.redelivered)

    def hand_over(self, consumer: Consumer, message: MemoryMessage, redelivered: bool) -> None:
        """Deliver a message, for whose acknowledgement nobody waits here."""
        self._tag += 1
        if message.is_shared:
            message = message.duplicate()
        message._address(self.number, self._tag, redelivered, consumer.tag)
        message.consumer = consumer.key
        self.session.deliver(message)

    def _get(self, method: Any) -> Frame | None:
        queue = self._queue(method.queue)
        entry = queue.take()
        if entry is None:
            return Basic.GetEmpty()
        self._tag += 1
        if not method.no_ack:
            self._unacknowledged[self._tag] = _Unacknowledged(queue, None, entry)
        message = entry.message
        answer = Basic.GetOk(
            self._tag, entry.redelivered, message.exchange, message.routing_key, len(queue)
        )
        self.session.write(answer, self.number)
        self.session.write_bytes(content_frames(message, self.number, self.session.frame_max))
        return None

    def _ack(self, method: Any) -> None:
        self.acknowledge(method.delivery_tag, bool(method.multiple))

    def acknowledge(self, tag: int, multiple: bool) -> None:
        """Take the acknowledgement of a message, or of all up to it."""
        queues: dict[Queue, None] = {}
        for number in self._tags(tag, multiple):
            queues[self._forget(number).queue] = None
        for queue in queues:
            queue.advance()
        if self._total_prefetch:
            self._advance_all()

    def _nack(self, method: Any) -> None:
        tags = self._tags(method.delivery_tag, bool(getattr(method, "multiple", False)))
        if method.requeue:
            self._requeue(tags)
            return
        for queue in {self._forget(tag).queue: None for tag in tags}:
            queue.advance()
        if self._total_prefetch:
            self._advance_all()

    def _recover(self, method: Any) -> Frame:
        if not method.requeue:
            raise ConnectionProblem(540, "NOT_IMPLEMENTED - requeue=false")
        self._requeue(list(self._unacknowledged))
        return Basic.RecoverOk()

    def _tags(self, tag: int, multiple: bool) -> list[int]:
        """Return the delivery tags that are meant."""
        known = self._unacknowledged
        if multiple:
            tags = [number for number in known if number <= tag or tag == 0]
            if tags or tag == 0:
                return tags
        elif tag in known:
            return [tag]
        raise ChannelProblem(406, f"PRECONDITION_FAILED - unknown delivery tag {tag}")

    def _forget(self, tag: int) -> _Unacknowledged:
        item = self._unacknowledged.pop(tag)
        if item.consumer is not None:
            item.consumer.unacknowledged -= 1
            self._unacknowledged_consumed -= 1
        return item

    def _requeue(self, tags: list[int]) -> None:
        entries: dict[Queue, list[Entry]] = {}
        for tag in tags:
            item = self._forget(tag)
            item.entry.message.is_shared = True
            entries.setdefault(item.queue, []).append(item.entry)
        for queue, own in entries.items():
            queue.requeue(own)
        for queue in entries:
            queue.advance()
        if self._total_prefetch:
            self._advance_all()

    def _advance_all(self) -> None:
        for consumer in list(self._consumers.values()):
            consumer.queue.advance()

    def _qos(self, method: Any) -> Frame:
        if method.prefetch_size:
            raise ConnectionProblem(540, f"NOT_IMPLEMENTED - prefetch_size={method.prefetch_size}")
        if method.global_:
            self._total_prefetch = method.prefetch_count
            self._advance_all()
        else:
            self._prefetch = method.prefetch_count
        return Basic.QosOk()

    def _consume(self, method: Any) -> None:
        _check_arguments(method)
        queue = self._queue(method.queue)
        tag = method.consumer_tag or f"amq.ctag-{secrets.token_urlsafe(16)}"
        if tag in self._consumers:
            raise ConnectionProblem(530, f"NOT_ALLOWED - attempt to reuse consumer tag '{tag}'")
        others = queue.consumers
        if others and (method.exclusive or others[0].is_exclusive):
            raise ChannelProblem(
                403, f"ACCESS_REFUSED - queue '{queue.name}' in vhost '/' in exclusive use"
            )
        no_ack, exclusive = bool(method.no_ack), bool(method.exclusive)
        consumer = Consumer(self, queue, tag, no_ack, exclusive, self._prefetch)
        self._consumers[tag] = consumer
        if not method.nowait:
            self.session.write(Basic.ConsumeOk(tag), self.number)  # before the first message
        queue.consumers.append(consumer)
        queue.advance()

    def _cancel(self, method: Any) -> Frame:
        consumer = self._consumers.pop(method.consumer_tag, None)
        if consumer is not None:
            consumer.queue.consumers.remove(consumer)
            self.broker.host.consumer_gone(consumer.queue)
        return Basic.CancelOk(method.consumer_tag)

    def queue_deleted(self, consumer: Consumer) -> None:
        """Tell the client that the queue of a consumer is gone."""
        self._consumers.pop(consumer.tag, None)
        if not self.is_closed:
            self.session.write(Basic.Cancel(consumer.tag, True), self.number)

    def _flow(self, method: Any) -> Frame:
        if not method.active:
            raise ConnectionProblem(540, "NOT_IMPLEMENTED - active=false")
        return commands.Channel.FlowOk(True)

    # -- exchanges and queues -------------------------------------------------------------

    def _queue(self, name: str) -> Queue:
        """Return the queue that is meant; without a name, the one that was declared last."""
        if not name and not self._last_queue:
            raise ChannelProblem(404, "NOT_FOUND - no previously declared queue")
        self.broker.remove_dead()
        return self.broker.host.queue(name or self._last_queue, self.session)

    def _declare_exchange(self, method: Any) -> Frame:
        _check_arguments(method)
        host, name = self.broker.host, method.exchange
        if method.passive:
            host.exchange(name)
        elif not name:
            raise _default_exchange()
        else:
            host.declare_exchange(
                name,
                method.exchange_type,
                bool(method.durable),
                bool(method.auto_delete),
                bool(method.internal),
            )
        return Exchanges.DeclareOk()

    def _delete_exchange(self, method: Any) -> Frame:
        host, name = self.broker.host, method.exchange
        if not name:
            raise _default_exchange()
        if name.startswith("amq."):
            raise ChannelProblem(
                403, f"ACCESS_REFUSED - exchange name '{name}' contains reserved prefix 'amq.*'"
            )
        exchange = host.exchanges.get(name)
        if exchange is not None:
            if method.if_unused and exchange.is_used:
                raise ChannelProblem(
                    406, f"PRECONDITION_FAILED - exchange '{name}' in vhost '/' in use"
                )
            host.delete_exchange(exchange)
        return Exchanges.DeleteOk()

    def _declare_queue(self, method: Any) -> Frame:
        _check_arguments(method)
        if method.passive:
            queue = self._queue(method.queue)
        else:
            self.broker.remove_dead()
            queue = self.broker.host.declare_queue(
                self.session,
                method.queue,
                bool(method.durable),
                bool(method.exclusive),
                bool(method.auto_delete),
            )
        self._last_queue = queue.name
        return Queues.DeclareOk(queue.name, len(queue), len(queue.consumers))

    def _delete_queue(self, method: Any) -> Frame:
        try:
            queue = self._queue(method.queue)
        except ChannelProblem as problem:
            if problem.code != 404:
                raise
            return Queues.DeleteOk(0)
        for is_refused, why in (
            (method.if_unused and queue.consumers, "in use"),
            (method.if_empty and len(queue), "not empty"),
        ):
            if is_refused:
                raise ChannelProblem(
                    406, f"PRECONDITION_FAILED - queue '{queue.name}' in vhost '/' {why}"
                )
        return Queues.DeleteOk(self.broker.host.delete_queue(queue))

    def _purge(self, method: Any) -> Frame:
        return Queues.PurgeOk(self._queue(method.queue).purge())

    def _bind(self, method: Any) -> Frame:
        _check_arguments(method)
        queue, exchange = self._ends(method)
        exchange.bind(queue, method.routing_key)
        return Queues.BindOk()

    def _unbind(self, method: Any) -> Frame:
        queue, exchange = self._ends(method)
        self.broker.host.unbind(queue, exchange, method.routing_key)
        return Queues.UnbindOk()

    def _ends(self, method: Any) -> Any:
        queue = self._queue(method.queue)
        if not method.exchange:
            raise _default_exchange()
        return queue, self.broker.host.exchange(method.exchange)


def _size_in(header: bytes) -> int:
    """Return the size of the body that a header announces."""
    if len(header) < 14:
        raise ConnectionProblem(501, "FRAME_ERROR - the header of a message is broken")
    return int.from_bytes(header[4:12], "big")


def _check_arguments(method: Any) -> None:
    for name in method.arguments or {}:
        raise ChannelProblem(
            406,
            f"PRECONDITION_FAILED - the memory broker does not know the argument '{name}' "
            f"of {method.name}",
        )


def _default_exchange() -> ChannelProblem:
    return ChannelProblem(403, "ACCESS_REFUSED - operation not permitted on the default exchange")
