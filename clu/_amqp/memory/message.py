"""Messages in the memory broker, and how they come to be: from our data plane, or from frames."""

from __future__ import annotations

import copy
from struct import Struct
from typing import Any

from aio_pika.exceptions import ChannelInvalidStateError

from clu._amqp.message import IncomingMessage
from clu._speedups.amqp import Publisher, Splitter

__all__ = ["Encoder", "MemoryMessage", "content_frames", "decode", "frame"]

_METHOD, _HEADER, _BODY = 1, 2, 3
_pack_frame = Struct(">BHI").pack
_read_size = Struct(">I").unpack_from
#: The header and the end of a frame.
_OVERHEAD = 8
#: The types of the values in headers that look the same on the other side, and never change.
_PLAIN = frozenset((str, int, bool, float, type(None)))
#: How many headers, and how long strings, fit into a frame for sure.
_FEW, _SHORT, _ENOUGH = 12, 255, 8192
#: The numbers that AMQP has.
_LEAST, _MOST = -(2**63), 2**63
#: How much is kept of what comes again and again.
_KEPT = 512
#: The method frame of a delivery to the consumer "x".
_DELIVER = b"\x01\x00\x01\x00\x00\x00\x11\x00\x3c\x00\x3c\x01x" + bytes(11) + b"\xce"
#: The properties that our data plane does not give to messages.
_OTHERS = (
    *("app_id", "cluster_id", "content_encoding", "has_bytes", "malformed", "raw_expiration"),
    *("raw_priority", "type", "user_id"),
)


class MemoryMessage(IncomingMessage):
    """A message that the memory broker has.

    Whoever receives it gets an object of its own.

    Attributes
    ----------
    is_mandatory
        Whether it comes back if it reaches no queue.
    is_shared
        Whether the broker keeps it, in other queues or until it is acknowledged.
    has_containers
        Whether a value in the headers can be changed.
    header
        The payload of its header frame, if it came in frames.
    consumer
        The bytes of the tag of the consumer that it is delivered to.
    """

    __slots__ = ("consumer", "has_containers", "header", "is_mandatory", "is_shared")

    consumer: bytes
    header: bytes | None
    is_mandatory: bool
    is_shared: bool
    has_containers: bool

    def acknowledge(self) -> None:
        """Do as `ack`, in order with what else is written, at once."""
        origin: Any = self._start("ack")
        if origin.is_stale(self):
            raise ChannelInvalidStateError("The channel of the message is closed.")
        origin.acknowledge(self.channel_number, self.delivery_tag)
        self.is_settled = True

    def duplicate(self) -> MemoryMessage:
        """Return the same message as another object, for another receiver."""
        twin = MemoryMessage()
        headers = self.headers
        twin._fill(
            self.channel_number,
            self.exchange,
            self.routing_key,
            self.body,
            copy.deepcopy(headers) if self.has_containers else headers.copy(),
            self.content_type,
            self.raw_delivery_mode,
            self.message_id,
            self.correlation_id,
            self.reply_to,
            self.timestamp_seconds,
        )
        if self.header is not None:  # it has come in frames, and may have any property
            for name in _OTHERS:
                setattr(twin, name, getattr(self, name))
        twin.has_containers, twin.header = self.has_containers, self.header
        twin.is_mandatory = self.is_mandatory
        twin.is_shared = False
        return twin


def decode(header: bytes, body: bytes) -> MemoryMessage:
    """Return a message as a receiver sees it.

    Parameters
    ----------
    header
        The payload of its header frame.
    body
        Its body.
    """
    found: list[MemoryMessage] = []
    splitter = Splitter(_nothing, MemoryMessage, {b"x": found.append}, _nothing, _nothing, _nothing)
    # Without the body, which may be longer than a frame.
    splitter.feed(_DELIVER + frame(_HEADER, 1, _with_size(header, 0)))
    (message,) = found
    message.body, message.header = body, header
    message.has_containers = any(type(value) not in _PLAIN for value in message.headers.values())
    message.is_mandatory = message.is_shared = False
    return message


def _nothing(*_: object) -> None:
    pass


class Encoder:
    """Makes messages of what our data plane publishes, as its codec does with frames.

    Parameters
    ----------
    exchange
        The name of the exchange.
    content_type
        The content type of the messages.
    """

    def __init__(self, exchange: str, content_type: str) -> None:
        self._exchange = exchange
        self._content_type = content_type
        self._encode_frames = Publisher(exchange, content_type).encode
        #: The last value of each header that was found to be plain.
        self._items: dict[str, Any] = {}
        #: The headers that were last found to be plain. Who gives them does not change them.
        self._plain: dict[str, Any] | None = None
        #: Strings that were found to be short, and None.
        self._short: dict[Any, None] = {None: None}

    def encode(
        self,
        channel: int,
        frame_max: int,
        routing_key: str,
        body: bytes,
        headers: dict[str, Any],
        message_id: str | None,
        correlation_id: str | None,
        reply_to: str | None,
        timestamp: int | None,
        is_mandatory: bool,
    ) -> MemoryMessage:
        """Return the message. The parameters and errors are those of the codec."""
        short = self._short
        if (
            (headers is self._plain or self._are_plain(headers))
            and (frame_max >= _ENOUGH or frame_max == 0)
            and type(routing_key) is str
            and (routing_key in short or self._is_short(routing_key))
            and (correlation_id is None or type(correlation_id) is str)
            and (correlation_id in short or self._is_short(correlation_id))
            and (reply_to is None or type(reply_to) is str)
            and (reply_to in short or self._is_short(reply_to))
            and (
                message_id is None
                or (type(message_id) is str and len(message_id) <= _SHORT and message_id.isascii())
            )
            and (timestamp is None or (type(timestamp) is int and 0 <= timestamp < _MOST))
            and type(body) is bytes
        ):
            message = MemoryMessage()
            message._fill(
                channel,
                self._exchange,
                routing_key,
                body,
                headers.copy(),
                self._content_type,
                1,
                message_id,
                correlation_id,
                reply_to,
                timestamp,
            )
            message.is_mandatory = is_mandatory
            message.is_shared = message.has_containers = False
            message.header = None
            return message
        message = self._through_codec(
            *(channel, frame_max, routing_key, body, headers),
            *(message_id, correlation_id, reply_to, timestamp, is_mandatory),
        )
        message.channel_number, message.is_mandatory = channel, bool(is_mandatory)
        message.exchange, message.routing_key = self._exchange, routing_key
        return message

    def _are_plain(self, headers: Any) -> bool:
        """Whether headers are few, and look the same on the other side. They are remembered."""
        if type(headers) is not dict or len(headers) > _FEW:
            return False
        items = self._items
        for key, value in headers.items():
            known = items.get(key, items)
            if known is value:
                continue
            is_key = type(key) is str if known is not items else _is_short(key)
            if not is_key or not _is_plain(value):
                return False
            if len(items) >= _KEPT:
                items.clear()
            items[key] = value
        self._plain = headers
        return True

    def _is_short(self, text: Any) -> bool:
        """Whether a string is one of few bytes. It is remembered, as it may come again."""
        if not _is_short(text):
            return False
        if len(self._short) >= _KEPT:
            self._short = {None: None}
        self._short[text] = None
        return True

    def _through_codec(self, channel: int, *arguments: Any) -> MemoryMessage:
        frames = self._encode_frames(channel, *arguments)
        start = _end_of_frame(frames, 0)
        end = _end_of_frame(frames, start)
        return decode(frames[start + 7 : end - 1], arguments[2])


def _is_short(text: Any) -> bool:
    return type(text) is str and len(text) <= _SHORT and text.isascii()


def _is_plain(value: Any) -> bool:
    """Whether a header looks the same on the other side, without having been encoded."""
    kind = type(value)
    if kind is str:
        return len(value) <= _SHORT and bool(value.isascii())
    return kind in _PLAIN and (kind is not int or _LEAST <= value < _MOST)


def _with_size(header: bytes, size: int) -> bytes:
    """Return the payload of a header frame that announces a body of a size."""
    return header[:4] + size.to_bytes(8, "big") + header[12:]


def _end_of_frame(data: bytes, start: int) -> int:
    size: int = _read_size(data, start + 3)[0]
    return start + size + _OVERHEAD


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """Return a frame."""
    return b"".join((_pack_frame(kind, channel, len(payload)), payload, b"\xce"))


def content_frames(message: MemoryMessage, channel: int, frame_max: int) -> bytes:
    """Return the header and the body of a message as frames.

    Parameters
    ----------
    message
        The message.
    channel
        The number of the channel.
    frame_max
        The longest frame in bytes; 0 stands for no limit.
    """
    header = message.header
    if header is None:
        # It has come as an object, and so has the properties that our data plane knows.
        frames = Publisher("", message.content_type or "").encode(
            *(channel, 0, "", b"", message.headers, message.message_id, message.correlation_id),
            *(message.reply_to, message.timestamp_seconds, False),
        )
        start = _end_of_frame(frames, 0)
        header = message.header = frames[start + 7 : _end_of_frame(frames, start) - 1]
    header = _with_size(header, len(message.body))
    most = frame_max - _OVERHEAD if frame_max > _OVERHEAD else len(message.body) or 1
    bodies = [
        frame(_BODY, channel, message.body[i : i + most]) for i in range(0, len(message.body), most)
    ]
    return b"".join((frame(_HEADER, channel, header), *bodies))
