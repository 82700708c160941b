"""Messages of the data plane, with the surface of aio_pika's."""

from __future__ import annotations

import datetime
import warnings
from typing import TYPE_CHECKING, Any, Protocol

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import ChannelInvalidStateError, MessageProcessError
from aio_pika.message import ProcessContext

from clu._speedups.amqp import Delivery, encode_ack

if TYPE_CHECKING:
    from collections.abc import Iterator


class Origin(Protocol):
    """What a message needs of the connection that it came from."""

    def is_stale(self, message: IncomingMessage) -> bool:
        """Whether the channel that the message came from is closed."""

    def channel_of(self, message: IncomingMessage) -> Any:
        """Return the channel of aiormq that the message came from, or None if it is closed."""

    def send_along(self, data: bytes) -> None:
        """Write bytes for which nobody waits, together with what follows."""


class IncomingMessage(Delivery):
    """A message that was delivered. It is an ``AbstractIncomingMessage`` of aio_pika.

    Its attributes and methods are those of aio_pika's ``IncomingMessage``.
    """

    __slots__ = ()

    #: The connection to acknowledge to; None if the broker waits for no acknowledgement.
    origin: Origin | None

    message_count = None

    @property
    def body_size(self) -> int:
        return len(self.body)

    @property
    def delivery_mode(self) -> DeliveryMode:
        return DeliveryMode(self.raw_delivery_mode or DeliveryMode.NOT_PERSISTENT)

    @property
    def priority(self) -> int:
        return self.raw_priority or 0

    @property
    def expiration(self) -> float | None:
        return float(self.raw_expiration) / 1000 if self.raw_expiration else None

    @property
    def timestamp(self) -> datetime.datetime | None:
        seconds = self.timestamp_seconds
        if seconds is None:
            return None
        # So large a number stands for milliseconds, as pamqp sees it too.
        exact = seconds / 1000 if seconds > 0xFFFFFFFF else seconds
        return datetime.datetime.fromtimestamp(exact, datetime.timezone.utc)

    @property
    def headers_raw(self) -> dict[str, Any]:
        warnings.warn(
            "headers_raw is deprecated, please use headers instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.headers

    @property
    def channel(self) -> Any:
        """The channel of aiormq that the message came from.

        Raises
        ------
        aio_pika.exceptions.ChannelInvalidStateError
            If it is closed.
        """
        channel = None if self.origin is None else self.origin.channel_of(self)
        if channel is None:
            raise ChannelInvalidStateError("The channel of the message is closed.")
        return channel

    @property
    def processed(self) -> bool:
        return self.is_settled or self.origin is None

    @property
    def locked(self) -> bool:
        return self.processed

    def lock(self) -> None:
        """Do nothing: the message is not to be published."""

    @property
    def properties(self) -> Any:
        return self._copied().properties

    def __copy__(self) -> Message:
        return self._copied()

    def _copied(self) -> Message:
        return Message(
            self.body,
            headers=self.headers,
            content_type=self.content_type,
            content_encoding=self.content_encoding,
            delivery_mode=self.delivery_mode,
            priority=self.priority,
            correlation_id=self.correlation_id,
            reply_to=self.reply_to,
            expiration=self.expiration,
            message_id=self.message_id,
            timestamp=self.timestamp,
            type=self.type,
            user_id=self.user_id,
            app_id=self.app_id,
        )

    def __iter__(self) -> Iterator[int]:
        return iter(self.body)

    def __repr__(self) -> str:
        try:
            info = self.info()
        except (ValueError, OverflowError, OSError):  # a property makes no sense, as a time
            info = {"headers": self.headers, "routing_key": self.routing_key}
        return f"IncomingMessage:{info!r}"

    def info(self) -> dict[str, Any]:
        info: dict[str, Any] = dict(self._copied().info())
        info["type"] = str(self.type)
        for name in ("cluster_id", "consumer_tag", "delivery_tag", "exchange", "routing_key"):
            info[name] = getattr(self, name)
        info["cluster_id"] = info["cluster_id"] or ""
        info["redelivered"] = self.redelivered
        return info

    def process(
        self,
        requeue: bool = False,
        reject_on_redelivered: bool = False,
        ignore_processed: bool = False,
    ) -> ProcessContext:
        return ProcessContext(
            self,  # type: ignore[arg-type]
            requeue=requeue,
            reject_on_redelivered=reject_on_redelivered,
            ignore_processed=ignore_processed,
        )

    def acknowledge(self) -> None:
        """Do as `ack`, in order with what else is written, at once."""
        protocol = self._start("ack")
        if protocol.is_stale(self):
            raise ChannelInvalidStateError("The channel of the message is closed.")
        protocol.send_along(encode_ack(self.channel_number, self.delivery_tag))
        self.is_settled = True

    async def ack(self, multiple: bool = False) -> None:
        if not multiple:
            self.acknowledge()
            return
        self._start("ack")
        await self.channel.basic_ack(self.delivery_tag, multiple=True)
        self.is_settled = True

    async def nack(self, multiple: bool = False, requeue: bool = True) -> None:
        self._start("nack")
        await self.channel.basic_nack(self.delivery_tag, multiple=multiple, requeue=requeue)
        self.is_settled = True

    async def reject(self, requeue: bool = False) -> None:
        self._start("reject")
        await self.channel.basic_reject(self.delivery_tag, requeue=requeue)
        self.is_settled = True

    def _start(self, verb: str) -> Origin:
        if self.origin is None:
            raise TypeError(f'Can\'t {verb} message with "no_ack" flag')
        if self.is_settled:
            raise MessageProcessError("Message already processed", self)
        return self.origin


AbstractIncomingMessage.register(IncomingMessage)
