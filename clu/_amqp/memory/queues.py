"""Queues of the memory broker, and their consumers."""

from __future__ import annotations

import collections
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clu._amqp.memory.message import MemoryMessage

__all__ = ["Consumer", "Entry", "Queue", "Receiver"]


class Entry(NamedTuple):
    """A message in a queue.

    Attributes
    ----------
    number
        Its place in the queue.
    message
        The message.
    redelivered
        Whether it was delivered before.
    end
        When it expires, on the monotonic clock, or None.
    """

    number: int
    message: MemoryMessage
    redelivered: bool = False
    end: float | None = None


class Receiver(Protocol):
    """What a queue needs of the channel of a consumer."""

    def has_room(self) -> bool:
        """Whether the channel takes a further message that must be acknowledged."""

    def deliver(self, consumer: Consumer, entry: Entry) -> None:
        """Deliver a message to one of its consumers."""

    def hand_over(self, consumer: Consumer, message: MemoryMessage, redelivered: bool) -> None:
        """Deliver a message that need not be acknowledged."""


class Consumer:
    """A consumer of a queue.

    Parameters
    ----------
    channel
        Its channel.
    queue
        Its queue.
    tag
        Its tag.
    no_ack
        Whether messages need not be acknowledged.
    is_exclusive
        Whether there can be no other one.
    prefetch
        How many messages may wait for their acknowledgement; 0 for any number.

    Attributes
    ----------
    key
        The bytes of the tag.
    unacknowledged
        How many messages wait for their acknowledgement.
    """

    def __init__(
        self,
        channel: Any,
        queue: Queue,
        tag: str,
        no_ack: bool,
        is_exclusive: bool,
        prefetch: int,
    ) -> None:
        self.channel = channel
        self.queue = queue
        self.tag = tag
        self.key = tag.encode()
        self.no_ack = no_ack
        self.is_exclusive = is_exclusive
        self.prefetch = prefetch
        self.unacknowledged = 0

    def has_room(self) -> bool:
        """Whether it takes a further message."""
        if self.no_ack:
            return True
        if self.prefetch and self.unacknowledged >= self.prefetch:
            return False
        return bool(self.channel.has_room())


class Queue:
    """A queue.

    Parameters
    ----------
    name
        Its name.
    owner
        The connection to which only it belongs, or None.
    is_durable
        Whether it survives a restart of the broker.
    is_auto_delete
        Whether it is deleted with its last consumer.

    Attributes
    ----------
    consumers
        Its consumers, the next one to get a message first.
    """

    def __init__(self, name: str, owner: Any, is_durable: bool, is_auto_delete: bool) -> None:
        self.name = name
        self.owner = owner
        self.is_durable = is_durable
        self.is_auto_delete = is_auto_delete
        self.consumers: collections.deque[Consumer] = collections.deque()
        self._entries: collections.deque[Entry] = collections.deque()
        self._number = 0

    def __len__(self) -> int:
        self._expire()
        return len(self._entries)

    def put(self, message: MemoryMessage) -> None:
        """Add a message at the end, or deliver it at once."""
        self._number += 1
        if not self._entries and len(self.consumers) == 1:
            consumer = self.consumers[0]
            if consumer.no_ack:
                consumer.channel.hand_over(consumer, message, False)
                return
            if consumer.has_room():
                consumer.channel.deliver(consumer, self._entry(message))
                return
        self._entries.append(self._entry(message))
        self.advance()

    def _entry(self, message: MemoryMessage) -> Entry:
        if message.raw_expiration is None:
            return Entry(self._number, message)
        end = time.monotonic() + int(message.raw_expiration) / 1000
        return Entry(self._number, message, False, end)

    def advance(self) -> None:
        """Deliver what is there, as far as consumers take it."""
        entries, consumers = self._entries, self.consumers
        while entries and consumers:
            for _ in range(len(consumers)):
                consumer = consumers[0]
                consumers.rotate(-1)
                if consumer.has_room():
                    self._expire()
                    if entries:
                        consumer.channel.deliver(consumer, entries.popleft())
                    break
            else:
                return

    def take(self) -> Entry | None:
        """Take the first message, if there is one."""
        self._expire()
        return self._entries.popleft() if self._entries else None

    def _expire(self) -> None:
        """Drop the first messages if their time is over."""
        entries = self._entries
        while entries and (end := entries[0].end) is not None and end <= time.monotonic():
            entries.popleft()

    def requeue(self, entries: Iterable[Entry]) -> None:
        """Put messages back at their places, as such that were delivered before."""
        back = [entry._replace(redelivered=True) for entry in entries]
        self._entries = collections.deque(sorted([*back, *self._entries], key=lambda x: x.number))

    def purge(self) -> int:
        """Drop all messages that are ready, and return how many."""
        count = len(self._entries)
        self._entries.clear()
        return count

    def keep_persistent(self) -> None:
        """Drop what does not survive a restart of the broker."""
        kept = [entry for entry in self._entries if entry.message.raw_delivery_mode == 2]
        self._entries = collections.deque(kept)
