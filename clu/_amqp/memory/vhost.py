"""The exchanges and the queues of the memory broker."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from clu._amqp.memory.exchanges import KINDS, Exchange
from clu._amqp.memory.problems import ChannelProblem, ConnectionProblem
from clu._amqp.memory.queues import Queue

if TYPE_CHECKING:
    from clu._amqp.memory.message import MemoryMessage

__all__ = ["VirtualHost"]


class VirtualHost:
    """Exchanges, queues and bindings, under the rules of RabbitMQ.

    Attributes
    ----------
    queues, exchanges
        Those that there are, by their names.
    """

    def __init__(self) -> None:
        self.queues: dict[str, Queue] = {}
        self.exchanges: dict[str, Exchange] = {}
        self._declare_defaults()

    def _declare_defaults(self) -> None:
        for name, kind in (
            *(("", "direct"), ("amq.direct", "direct")),
            *(("amq.fanout", "fanout"), ("amq.topic", "topic")),
        ):
            self.exchanges[name] = Exchange(name, kind, is_durable=True)

    def forget_transient(self) -> None:
        """Forget what does not survive a restart."""
        for name, queue in list(self.queues.items()):
            if queue.is_durable:
                queue.keep_persistent()
            else:
                self.delete_queue(self.queues[name])
        for name, exchange in list(self.exchanges.items()):
            if not exchange.is_durable:
                del self.exchanges[name]

    def exchange(self, name: str) -> Exchange:
        """Return the exchange of a name.

        Raises
        ------
        ChannelProblem
            If there is none.
        """
        try:
            return self.exchanges[name]
        except KeyError:
            raise ChannelProblem(404, f"NOT_FOUND - no exchange '{name}' in vhost '/'") from None

    def queue(self, name: str, session: Any) -> Queue:
        """Return the queue of a name, for a connection.

        Raises
        ------
        ChannelProblem
            If there is none, or it belongs to another connection.
        """
        queue = self.queues.get(name)
        if queue is None:
            raise ChannelProblem(404, f"NOT_FOUND - no queue '{name}' in vhost '/'")
        if queue.owner not in (None, session):
            raise _locked(name)
        return queue

    def declare_exchange(
        self, name: str, kind: str, is_durable: bool, is_auto_delete: bool, is_internal: bool
    ) -> None:
        """Declare an exchange.

        Raises
        ------
        ChannelProblem, ConnectionProblem
            If there is another one of this name, or it cannot be.
        """
        if kind not in KINDS:
            if kind == "headers":
                raise ConnectionProblem(
                    540, "NOT_IMPLEMENTED - the memory broker has no exchanges of the type headers"
                )
            raise ConnectionProblem(503, f"COMMAND_INVALID - unknown exchange type '{kind}'")
        found = self.exchanges.get(name)
        if found is None:
            _check_name("exchange", name)
            self.exchanges[name] = Exchange(name, kind, is_durable, is_auto_delete, is_internal)
            return
        for argument, received, current in (
            ("type", kind, found.kind),
            ("durable", is_durable, found.is_durable),
            ("auto_delete", is_auto_delete, found.is_auto_delete),
            ("internal", is_internal, found.is_internal),
        ):
            if received != current:
                raise _inequivalent(argument, "exchange", name, received, current)

    def declare_queue(
        self, session: Any, name: str, is_durable: bool, is_exclusive: bool, auto_delete: bool
    ) -> Queue:
        """Declare a queue.

        Raises
        ------
        ChannelProblem
            If there is another one of this name, or it belongs to another connection.
        """
        if not name:
            name = f"amq.gen-{secrets.token_urlsafe(16)}"
        else:
            try:
                found = self.queue(name, session)
            except ChannelProblem as problem:
                if problem.code != 404:
                    raise
                _check_name("queue", name)
            else:
                if (found.owner is not None) != is_exclusive:
                    raise _locked(name)
                for argument, received, current in (
                    ("durable", is_durable, found.is_durable),
                    ("auto_delete", auto_delete, found.is_auto_delete),
                ):
                    if received != current:
                        raise _inequivalent(argument, "queue", name, received, current)
                return found
        queue = Queue(name, session if is_exclusive else None, is_durable, auto_delete)
        self.queues[name] = queue
        return queue

    def bind(self, queue: Queue, exchange: Exchange, key: str) -> None:
        """Bind a queue to an exchange."""
        exchange.bind(queue, key)

    def unbind(self, queue: Queue, exchange: Exchange, key: str) -> None:
        """Remove a binding, and with its last one an exchange that is deleted then."""
        if exchange.unbind(queue, key):
            self._delete_unused(exchange)

    def delete_queue(self, queue: Queue) -> int:
        """Delete a queue, and return how many messages it had."""
        if self.queues.pop(queue.name, None) is None:
            return 0
        for exchange in list(self.exchanges.values()):
            if exchange.forget(queue):
                self._delete_unused(exchange)
        consumers = list(queue.consumers)
        queue.consumers.clear()
        for consumer in consumers:
            consumer.channel.queue_deleted(consumer)
        return len(queue)

    def delete_queues_of(self, session: Any) -> None:
        """Delete the queues that belong to a connection."""
        for queue in [queue for queue in self.queues.values() if queue.owner is session]:
            self.delete_queue(queue)

    def delete_exchange(self, exchange: Exchange) -> None:
        """Delete an exchange."""
        self.exchanges.pop(exchange.name, None)

    def _delete_unused(self, exchange: Exchange) -> None:
        if exchange.is_auto_delete and not exchange.is_used:
            self.exchanges.pop(exchange.name, None)

    def consumer_gone(self, queue: Queue) -> None:
        """Delete a queue that has no consumers any more, if it is such a queue."""
        if queue.is_auto_delete and not queue.consumers:
            self.delete_queue(queue)

    def route(self, message: MemoryMessage) -> tuple[Queue, ...]:
        """Return the queues that a message goes to.

        Raises
        ------
        ChannelProblem
            If there is no such exchange, or it takes no messages.
        """
        name = message.exchange
        if not name:
            queue = self.queues.get(message.routing_key)
            return () if queue is None else (queue,)
        exchange = self.exchanges.get(name) or self.exchange(name)
        if exchange.is_internal:
            raise ChannelProblem(
                403,
                f"ACCESS_REFUSED - cannot publish to internal exchange '{name}' in vhost '/'",
            )
        return exchange.routes.get(message.routing_key) or exchange.route(message.routing_key)


def _locked(name: str) -> ChannelProblem:
    return ChannelProblem(
        405,
        f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{name}' in vhost '/'. "
        "It could be originally declared on another connection or the exclusive property value "
        "does not match that of the original declaration.",
    )


def _inequivalent(
    argument: str, what: str, name: str, received: object, current: object
) -> ChannelProblem:
    words = [str(x).lower() if isinstance(x, bool) else str(x) for x in (received, current)]
    return ChannelProblem(
        406,
        f"PRECONDITION_FAILED - inequivalent arg '{argument}' for {what} '{name}' in vhost '/': "
        f"received '{words[0]}' but current is '{words[1]}'",
    )


def _check_name(what: str, name: str) -> None:
    if name.startswith("amq."):
        raise ChannelProblem(
            403, f"ACCESS_REFUSED - {what} name '{name}' contains reserved prefix 'amq.*'"
        )
