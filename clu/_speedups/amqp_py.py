"""The AMQP 0-9-1 codec: publishes are encoded, the frames of a byte stream are split and decoded.

It knows nothing of sockets. This is the interpreted build, whose speed is that of `struct` and of
what it does not do twice: what is the same in many messages is kept as bytes. The compiled one,
``amqp_c.pyx``, is written by hand and does the same, but for attributes, whose types it checks.
Both are one source each, however long, as a part of either makes no sense alone.
"""

from __future__ import annotations

import datetime
import decimal
from operator import index
from struct import Struct, error
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Delivery",
    "FrameError",
    "Publisher",
    "Splitter",
    "encode_ack",
    "has_long_number",
]

_METHOD, _HEADER, _BODY, _HEARTBEAT = 1, 2, 3, 8
_KINDS = frozenset((_METHOD, _HEADER, _BODY, _HEARTBEAT))
_END = 0xCE
#: The header and the end of a frame.
_OVERHEAD = 8
#: Tables within tables.
_DEEPEST = 32
#: What a peer may send before it has told how long its frames are.
_LIMIT = 1 << 20
#: The limit if the peer sets none: one that no broker is known to have.
_NO_LIMIT = 1 << 30
#: The length that fits into the header of a frame.
_LONGEST = 0xFFFFFFFF
#: The types of values that never change.
_SIMPLE = frozenset((str, int, bool, type(None)))
#: How much is kept of what comes again and again.
_KEPT = 512

_DELIVER, _RETURN, _ACK, _NACK = 0x003C003C, 0x003C0032, 0x003C0050, 0x003C0078
_TUNE = 0x000A001E
#: Connection.Close, Blocked and Unblocked, Channel.Close and CloseOk.
_CONTROLS = frozenset((0x000A0032, 0x000A003C, 0x000A003D, 0x00140028, 0x00140029))

_pack_frame = Struct(">BHI").pack
_pack_publish = Struct(">HHH").pack
_pack_header = Struct(">BHIHHQH").pack
_pack_ack = Struct(">BHIHHQBB").pack
_pack_8 = Struct(">b").pack
_pack_16 = Struct(">h").pack
_pack_32 = Struct(">i").pack
_pack_64 = Struct(">q").pack
_pack_size = Struct(">I").pack
_pack_time = Struct(">Q").pack
_pack_real = Struct(">d").pack
_pack_decimal = Struct(">Bi").pack

_read_frame = Struct(">BHI").unpack_from
_read_16 = Struct(">H").unpack_from
_read_size = Struct(">I").unpack_from
_read_time = Struct(">Q").unpack_from
_read_confirm = Struct(">QB").unpack_from
_read_header = Struct(">HHQH").unpack_from
_read_decimal = Struct(">Bi").unpack_from

#: The numbers in a table, by the letter of their type: how to read them, and their width.
_NUMBERS: dict[int, tuple[Callable[..., tuple[Any, ...]], int]] = {
    ord(letter): (Struct(f">{code}").unpack_from, Struct(f">{code}").size)
    for letter, code in zip("bBsUuIilLfd?", "bBhhHiIqqfd?", strict=True)
}
_NUMBERS[ord("t")] = _NUMBERS.pop(ord("?"))

_BYTE = [bytes((number,)) for number in range(256)]
#: What has_long_number looks for, in a body in which every digit is one.
_DIGITS = bytes(48 if 48 <= code < 58 else 32 for code in range(256))
_LONG_NUMBER = b"0" * 19

_utc = datetime.timezone.utc
_fromtimestamp = datetime.datetime.fromtimestamp


class FrameError(ValueError):
    """The peer sent what is not AMQP: the connection cannot go on."""


class PropertiesError(ValueError):
    """The properties of one message cannot be decoded."""


# -- out ----------------------------------------------------------------------------------


def _string(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} is not a string: {value!r}")
    return str.__str__(value)


def _bytes(value: Any, what: str) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"{what} is not bytes: {value!r}")
    return value


def _channel_number(value: Any) -> int:
    number = index(value)
    if not 0 <= number <= 0xFFFF:
        raise ValueError(f"there is no channel {number}")
    return number


def _unsigned(value: Any, what: str) -> int:
    number = index(value)
    if not 0 <= number <= 0xFFFFFFFFFFFFFFFF:
        raise ValueError(f"{what} is not a number of 64 bits: {number}")
    return number


def _short(text: str, what: str) -> bytes:
    encoded = text.encode()
    length = len(encoded)
    if length > 255:
        raise ValueError(f"{what} is longer than 255 bytes: {text!r}")
    return _BYTE[length] + encoded


def _long(tag: bytes, value: bytes) -> bytes:
    if len(value) > _LONGEST:
        raise ValueError("a value in the headers is too long")
    return tag + _pack_size(len(value)) + value


def _encode_table(table: dict[str, Any], depth: int) -> bytes:
    items = []
    for key, value in table.items():
        items.append(_encode_key(key))
        items.append(_encode_value(value, depth))
    return _long(b"", b"".join(items))


def _encode_key(key: Any) -> bytes:
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} in the headers is not a string")
    return _short(str.__str__(key), "a key in the headers")


def _encode_value(value: Any, depth: int) -> bytes:
    if isinstance(value, str):
        return _long(b"S", str.__str__(value).encode())
    if value is None:
        return b"V"
    if isinstance(value, bool):
        return b"t\x01" if value else b"t\x00"
    if isinstance(value, int):
        return _encode_whole(value)
    if isinstance(value, float):
        return b"d" + _pack_real(value)
    if isinstance(value, (bytes, bytearray)):
        return _long(b"x" if isinstance(value, bytearray) else b"S", bytes(value))
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=_utc)
        seconds = int(value.timestamp())
        if seconds < 0:
            raise ValueError(f"the time {value} in the headers is before 1970")
        return b"T" + _pack_time(seconds)
    if isinstance(value, decimal.Decimal):
        return _encode_decimal(value)
    if depth >= _DEEPEST:
        raise ValueError("the headers are nested too deeply")
    if isinstance(value, dict):
        return b"F" + _encode_table(value, depth + 1)
    if isinstance(value, (list, tuple)):
        return _long(b"A", b"".join([_encode_value(item, depth + 1) for item in value]))
    raise TypeError(f"a value of type {type(value).__name__} cannot be in the headers")


def _encode_whole(number: int) -> bytes:
    if -128 <= number <= 127:
        return b"b" + _pack_8(number)
    if -32768 <= number <= 32767:
        return b"s" + _pack_16(number)
    if -2147483648 <= number <= 2147483647:
        return b"I" + _pack_32(number)
    if not -(2**63) <= number < 2**63:
        raise ValueError("a number in the headers is too large")
    return b"l" + _pack_64(number)


def _encode_decimal(value: decimal.Decimal) -> bytes:
    sign, digits, exponent = decimal.Decimal.as_tuple(value)
    # Not a number of Python before it is known to be short.
    if isinstance(exponent, int) and (not value or decimal.Decimal.adjusted(value) < 10):
        mantissa = 0
        for digit in digits:
            mantissa = 10 * mantissa + digit
        if mantissa and exponent > 0:
            mantissa *= 10**exponent
        if sign:
            mantissa = -mantissa
        if -exponent < 256 and -(2**31) <= mantissa < 2**31:
            return b"D" + _pack_decimal(max(-exponent, 0), mantissa)
    raise ValueError(f"the number {value} cannot be in the headers")


class Publisher:
    """Encodes messages for one exchange.

    Parameters
    ----------
    exchange
        The name of the exchange.
    content_type
        The content type of the messages.
    """

    __slots__ = ("_content_type", "_exchange", "_items", "_methods", "_type")

    _exchange: str
    _content_type: str
    #: What the content type is in a frame, once it was needed.
    _type: bytes
    _methods: dict[tuple[int, str, bool], bytes]
    #: The last value of each header, and both as they are in a table.
    _items: dict[str, tuple[Any, bytes]]

    def __new__(cls, exchange: str, content_type: str) -> Publisher:
        self = object.__new__(cls)
        self._exchange = _string(exchange, "the name of the exchange")
        self._content_type = _string(content_type, "the content type")
        self._type = b""
        self._methods = {}
        self._items = {}
        return self

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
    ) -> bytes:
        """Return the frames that publish a message.

        Parameters
        ----------
        channel
            The number of the channel.
        frame_max
            The longest frame in bytes; 0 stands for no limit.
        routing_key
            Where the message goes.
        body, headers, message_id, correlation_id, reply_to
            What it consists of.
        timestamp
            The time in seconds, or None.
        is_mandatory
            Whether the message comes back if it reaches no queue.

        Returns
        -------
        frames
            The bytes to send.

        Raises
        ------
        ValueError, TypeError
            If a part is too long, or of a type that AMQP does not have.
        """
        if type(channel) is not int or not 0 <= channel <= 0xFFFF:
            channel = _channel_number(channel)
        if type(frame_max) is not int:
            frame_max = index(frame_max)
        if type(routing_key) is not str:
            routing_key = _string(routing_key, "the routing key")
        is_mandatory = bool(is_mandatory)
        method = self._methods.get((channel, routing_key, is_mandatory))
        if method is None:
            method = self._encode_method(channel, routing_key, is_mandatory)
        if type(body) is not bytes:
            body = _bytes(body, "the body")
        parts = [self._type or self._encode_type(), b""]
        append = parts.append
        if type(headers) is not dict and not isinstance(headers, dict):
            raise TypeError(f"the headers are not a dictionary: {headers!r}")
        items = self._items
        for key, value in headers.items():
            # The same value as last time, which an equal one of another type is not.
            known = items.get(key)
            if known is not None and known[0] is value:
                append(known[1])
            else:
                append(self._encode_item(key, value))
        size = sum(map(len, parts)) - len(parts[0])
        flags = 0xB000  # content type, headers, delivery mode
        append(b"\x01")  # not persistent
        if correlation_id is not None:
            flags |= 1 << 10
            if type(correlation_id) is not str:
                correlation_id = _string(correlation_id, "the correlation id")
            append(_short(correlation_id, "the correlation id"))
        if reply_to is not None:
            flags |= 1 << 9
            if type(reply_to) is not str:
                reply_to = _string(reply_to, "the name of the queue for replies")
            append(_short(reply_to, "the name of the queue for replies"))
        if message_id is not None:
            flags |= 1 << 7
            if type(message_id) is not str:
                message_id = _string(message_id, "the message id")
            append(_short(message_id, "the message id"))
        if timestamp is not None:
            flags |= 1 << 6
            append(_pack_time(_unsigned(timestamp, "the time")))
        if size > _LONGEST:
            raise ValueError("the headers are too long")
        parts[1] = _pack_size(size)
        properties = b"".join(parts)
        length = 14 + len(properties)
        if frame_max > 0 and length + _OVERHEAD > frame_max:
            raise ValueError(f"the headers are longer than {frame_max} bytes")
        if length > _LONGEST:
            raise ValueError("the headers are too long")
        header = _pack_header(_HEADER, channel, length, 60, 0, len(body), flags)
        length = len(body)
        most = frame_max - _OVERHEAD if frame_max > _OVERHEAD else _LONGEST
        if 0 < length <= most:
            start = _pack_frame(_BODY, channel, length)
            return b"".join((method, header, properties, b"\xce", start, body, b"\xce"))
        return b"".join((method, header, properties, b"\xce", _encode_body(channel, body, most)))

    def _encode_method(self, channel: int, routing_key: str, is_mandatory: bool) -> bytes:
        payload = b"".join(
            (
                _pack_publish(60, 40, 0),
                _short(self._exchange, "the name of the exchange"),
                _short(routing_key, "the routing key"),
                _BYTE[is_mandatory],
            )
        )
        method = _frame(_METHOD, channel, payload)
        _keep(self._methods, (channel, routing_key, is_mandatory), method)
        return method

    def _encode_type(self) -> bytes:
        self._type = _short(self._content_type, "the content type")
        return self._type

    def _encode_item(self, key: Any, value: Any) -> bytes:
        item = _encode_key(key) + _encode_value(value, 0)
        if type(value) in _SIMPLE and len(item) < 1024:
            _keep(self._items, str.__str__(key), (value, item))
        return item


def _keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    if len(kept) >= _KEPT:
        kept.clear()
    kept[key] = value


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return b"".join((_pack_frame(kind, channel, len(payload)), payload, b"\xce"))


def _encode_body(channel: int, body: bytes, most: int) -> bytes:
    return b"".join([_frame(_BODY, channel, body[i : i + most]) for i in range(0, len(body), most)])


def encode_ack(channel: int, delivery_tag: int) -> bytes:
    """Return the frame that acknowledges one message."""
    try:
        return _pack_ack(_METHOD, channel, 13, 60, 80, delivery_tag, 0, _END)
    except error:
        tag = _unsigned(delivery_tag, "the delivery tag")
        return _pack_ack(_METHOD, _channel_number(channel), 13, 60, 80, tag, 0, _END)


def has_long_number(text: bytes) -> bool:
    """Whether there are 19 digits in a row, which not every JSON parser reads exactly."""
    return _LONG_NUMBER in _bytes(text, "the text").translate(_DIGITS)


# -- in -----------------------------------------------------------------------------------


def _too_early() -> PropertiesError:
    return PropertiesError("a value ends after its frame")


def _take_short(data: bytes, i: int, end: int) -> tuple[str, int]:
    """Read a short string, and return it with where it ends."""
    # What is at the end is the end of the frame, which says 206 bytes: too many.
    after = i + 1 + data[i]
    if after > end:
        raise _too_early()
    return str(data[i + 1 : after], "utf-8", "replace"), after


def _take_size(data: bytes, i: int, end: int) -> int:
    """Return where that ends whose length is written here."""
    if i + 4 > end:
        raise _too_early()
    after: int = i + 4 + _read_size(data, i)[0]
    if after > end:
        raise _too_early()
    return after


class _Tables:
    """Decodes the tables of a stream. Of those that are simple the last ones are kept."""

    __slots__ = ("_kept", "_keys", "has_bytes")

    def __init__(self) -> None:
        #: Whether a value in the last one is bytes.
        self.has_bytes = False
        self._keys: dict[bytes, str] = {}
        self._kept: dict[bytes, dict[str, Any]] = {}

    def take(self, data: bytes, i: int, end: int) -> tuple[dict[str, Any], int]:
        """Read a table, and return it with where it ends."""
        self.has_bytes = False
        after = _take_size(data, i, end)
        written = data[i + 4 : after]
        known = self._kept.get(written)
        if known is not None:
            return known.copy(), after
        table, is_simple = self._read(data, i + 4, after, 0)
        if is_simple and len(written) < 1024:
            _keep(self._kept, written, table.copy())
        return table, after

    def _read(self, data: bytes, i: int, end: int, depth: int) -> tuple[dict[str, Any], bool]:
        table: dict[str, Any] = {}
        keys = self._keys
        is_simple = True
        while i < end:
            after = i + 1 + data[i]
            if after > end:
                raise _too_early()
            written = data[i + 1 : after]
            key = keys.get(written)
            if key is None:
                key = str(written, "utf-8", "replace")
                _keep(keys, written, key)
            if after >= end:
                raise _too_early()
            tag = data[after]
            if tag == 83:  # S
                i = after + 5
                if i > end:
                    raise _too_early()
                i += _read_size(data, after + 1)[0]
                if i > end:
                    raise _too_early()
                try:
                    table[key] = data[after + 5 : i].decode()
                except UnicodeDecodeError:
                    self.has_bytes = True
                    is_simple = False
                    table[key] = data[after + 5 : i]
            elif tag == 86:  # V
                table[key] = None
                i = after + 1
            elif tag == 116:  # t
                i = after + 2
                if i > end:
                    raise _too_early()
                table[key] = data[after + 1] != 0
            elif tag in _NUMBERS:
                read, width = _NUMBERS[tag]
                i = after + 1 + width
                if i > end:
                    raise _too_early()
                (table[key],) = read(data, after + 1)
            else:
                is_simple = False
                table[key], i = self._value(tag, data, after + 1, end, depth)
        return table, is_simple

    def _value(self, tag: int, data: bytes, i: int, end: int, depth: int) -> tuple[Any, int]:
        """Read a value of one of the rarer types, and return it with where it ends."""
        if tag == 0:
            return None, i
        if tag == 84:  # T
            if i + 8 > end:
                raise _too_early()
            (seconds,) = _read_time(data, i)
            return _time(seconds), i + 8
        if tag == 68:  # D
            if i + 5 > end:
                raise _too_early()
            scale, mantissa = _read_decimal(data, i)
            return decimal.Decimal(f"{mantissa}E-{scale}"), i + 5
        if tag == 120:  # x
            after = _take_size(data, i, end)
            self.has_bytes = True
            return bytearray(data[i + 4 : after]), after
        if depth >= _DEEPEST:
            raise PropertiesError("the headers are nested too deeply")
        if tag == 70:  # F
            after = _take_size(data, i, end)
            return self._read(data, i + 4, after, depth + 1)[0], after
        if tag == 65:  # A
            after = _take_size(data, i, end)
            return self._array(data, i + 4, after, depth + 1), after
        raise PropertiesError(f"a value in the headers is of an unknown type {tag}")

    def _array(self, data: bytes, i: int, end: int, depth: int) -> list[Any]:
        array: list[Any] = []
        while i < end:
            tag = data[i]
            i += 1
            if tag == 83:  # S
                after = _take_size(data, i, end)
                try:
                    array.append(data[i + 4 : after].decode())
                except UnicodeDecodeError:
                    self.has_bytes = True
                    array.append(data[i + 4 : after])
                i = after
            elif tag == 86:  # V
                array.append(None)
            elif tag in _NUMBERS:
                read, width = _NUMBERS[tag]
                if i + width > end:
                    raise _too_early()
                array.append(read(data, i)[0])
                i += width
            else:
                value, i = self._value(tag, data, i, end, depth)
                array.append(value)
        return array


def _time(seconds: int) -> datetime.datetime:
    try:
        # Some clients send milliseconds; so large a number of seconds is after 2106.
        return _fromtimestamp(seconds / 1000.0 if seconds > 0xFFFFFFFF else seconds, _utc)
    except (ValueError, OverflowError, OSError):
        raise PropertiesError(f"{seconds} is not a time") from None


class Delivery:
    """A message as the broker delivers it, or returns it.

    Attributes
    ----------
    malformed
        Why the properties could not be decoded, or None.
    has_bytes
        Whether a value in the headers is bytes.
    closes
        How often the channel had been closed before the message came.
    reply_code, reply_text
        Why a message came back; 0 and None for others.
    origin, is_settled
        For whoever handles the message; None and False at first.
    """

    __slots__ = (
        *("_handler", "_has_header", "_left", "_pieces"),
        *("app_id", "body", "channel_number", "closes", "cluster_id", "consumer_tag"),
        *("content_encoding", "content_type", "correlation_id", "delivery_tag", "exchange"),
        *("has_bytes", "headers", "is_settled", "malformed", "message_id", "origin"),
        *("raw_delivery_mode", "raw_expiration", "raw_priority", "redelivered", "reply_code"),
        *("reply_text", "reply_to", "routing_key", "timestamp_seconds", "type", "user_id"),
    )

    channel_number: int
    delivery_tag: int
    redelivered: bool
    consumer_tag: str | None
    exchange: str
    routing_key: str
    body: bytes
    headers: dict[str, Any]
    content_type: str | None
    content_encoding: str | None
    raw_delivery_mode: int | None
    raw_priority: int | None
    correlation_id: str | None
    reply_to: str | None
    raw_expiration: str | None
    message_id: str | None
    timestamp_seconds: int | None
    type: str | None
    user_id: str | None
    app_id: str | None
    cluster_id: str | None
    malformed: str | None
    origin: Any
    is_settled: bool
    has_bytes: bool
    closes: int
    reply_code: int
    reply_text: str | None
    _handler: Any
    _has_header: bool
    _left: int
    _pieces: list[bytes] | None

    def __new__(cls) -> Delivery:
        self = object.__new__(cls)
        self.channel_number = self.delivery_tag = self.closes = self.reply_code = self._left = 0
        self.redelivered = self.is_settled = self.has_bytes = self._has_header = False
        self.exchange = self.routing_key = self.body = self.headers = None  # type: ignore[assignment]
        self.consumer_tag = self.content_type = self.content_encoding = None
        self.raw_delivery_mode = self.raw_priority = self.correlation_id = self.reply_to = None
        self.raw_expiration = self.message_id = self.timestamp_seconds = self.type = None
        self.user_id = self.app_id = self.cluster_id = self.malformed = self.origin = None
        self.reply_text = self._pieces = self._handler = None
        return self

    def _fill(
        self,
        channel_number: int,
        exchange: str,
        routing_key: str,
        body: bytes,
        headers: dict[str, Any],
        content_type: str | None,
        delivery_mode: int | None,
        message_id: str | None,
        correlation_id: str | None,
        reply_to: str | None,
        timestamp_seconds: int | None,
    ) -> None:
        """Set what a message consists of: at once, as it takes less time."""
        self.channel_number = channel_number
        self.exchange = exchange
        self.routing_key = routing_key
        self.body = body
        self.headers = headers
        self.content_type = content_type
        self.raw_delivery_mode = delivery_mode
        self.message_id = message_id
        self.correlation_id = correlation_id
        self.reply_to = reply_to
        self.timestamp_seconds = timestamp_seconds

    def _address(
        self, channel_number: int, delivery_tag: int, redelivered: bool, consumer_tag: str
    ) -> None:
        """Set to whom the message is delivered."""
        self.channel_number = channel_number
        self.delivery_tag = delivery_tag
        self.redelivered = redelivered
        self.consumer_tag = consumer_tag


class Splitter:
    """Splits a stream into frames, takes those that are ours and passes on the others.

    Parameters
    ----------
    forward
        A function that is called with the bytes of frames that are not ours.
    message_class
        What messages are made of: `Delivery` or a class derived from it.
    consumers
        What to call with a message, by the bytes of the tag of its consumer.
    on_confirm
        Called with a delivery tag, whether all up to it are meant, and whether the broker
        has accepted the messages.
    on_return
        Called with a message that reached no queue.
    on_control
        Called with the channel, class and method when a connection or channel is closed,
        and when a connection is blocked and unblocked.

    Attributes
    ----------
    channel
        The channel whose confirmations and returned messages are ours; -1 for none.
    frame_max
        The longest frame that the broker takes; 0 before it has told.
    is_at_end
        Whether nothing follows what a function is called with, as far as is known.
    closes
        How often each channel was closed. A message has the number of when it was delivered.
    """

    __slots__ = (
        *("_chunks", "_consumers", "_contents", "_failure", "_forward", "_is_busy"),
        *("_is_foreign", "_is_started", "_limit", "_message_class", "_names", "_needed"),
        *("_on_confirm", "_on_control", "_on_return", "_routes", "_size", "_tables"),
        *("channel", "closes", "frame_max", "is_at_end"),
    )

    _forward: Callable[[bytes], Any]
    _message_class: type[Delivery]
    _consumers: dict[bytes, Callable[[Any], Any]]
    _on_confirm: Callable[[int, bool, bool], Any]
    _on_return: Callable[[Any], Any]
    _on_control: Callable[[int, int, int], Any]
    #: What has come of a frame that is not all there, its size, and what it must be.
    _chunks: list[bytes]
    _size: int
    _needed: int
    #: The messages that have begun, by their channels.
    _contents: dict[int, Delivery]
    closes: dict[int, int]
    _limit: int
    _failure: str | None
    _is_busy: bool
    _is_started: bool
    _is_foreign: bool
    _tables: _Tables
    #: Exchanges with routing keys, and other short strings, that have come before.
    _routes: dict[bytes, tuple[str, str]]
    _names: dict[bytes, str]
    channel: int
    frame_max: int
    is_at_end: bool

    def __new__(
        cls,
        forward: Callable[[bytes], Any],
        message_class: type[Delivery],
        consumers: dict[bytes, Callable[[Any], Any]],
        on_confirm: Callable[[int, bool, bool], Any],
        on_return: Callable[[Any], Any],
        on_control: Callable[[int, int, int], Any],
    ) -> Splitter:
        self = object.__new__(cls)
        for function in (forward, on_confirm, on_return, on_control):
            if not callable(function):
                raise TypeError(f"{function!r} is not a function")
        if not isinstance(message_class, type) or not issubclass(message_class, Delivery):
            raise TypeError(f"{message_class!r} is not a class of messages")
        if type(consumers) is not dict:
            raise TypeError(f"the consumers are not a dictionary: {consumers!r}")
        self._forward = forward
        self._message_class = message_class
        self._consumers = consumers
        self._on_confirm = on_confirm
        self._on_return = on_return
        self._on_control = on_control
        self._chunks = []
        self._size = self._needed = 0
        self._contents = {}
        self.closes = {}
        self._limit = _LIMIT
        self._failure = None
        self._is_busy = self._is_started = self._is_foreign = False
        self._tables = _Tables()
        self._routes = {}
        self._names = {}
        self.channel = -1
        self.frame_max = 0
        self.is_at_end = False
        return self

    def feed(self, data: bytes) -> None:
        """Take further bytes of the stream.

        An error of a function that is called leaves the stream where it was: call `feed`
        again, with nothing, to go on. None of the functions may call `feed`.

        Raises
        ------
        FrameError
            If the bytes are not AMQP. Nothing can be read from the stream any more.
        """
        if type(data) is not bytes:
            data = bytes(_bytes(data, "the stream"))
        if self._is_busy:
            raise RuntimeError("a function that the splitter has called feeds it")
        if self._failure is not None:
            raise FrameError(self._failure)
        chunks = self._chunks
        if chunks:
            # To join each chunk with those before it would copy a long frame again and again.
            chunks.append(data)
            self._size += len(data)
            if self._size < self._needed:
                return
            data = b"".join(chunks)
            chunks.clear()
        if not self._is_started and data:
            # A broker of another version answers with a header of its own, which is no frame.
            self._is_started = True
            self._is_foreign = data[0] == 65
        self._is_busy = True
        try:
            if not self._is_foreign:
                self._split(data)
            elif data:
                self._forward(data)
        finally:
            self._is_busy = False

    def _split(self, data: bytes) -> None:
        size = len(data)
        i = run = needed = 0
        most = self._limit - _OVERHEAD
        contents = self._contents
        consumers = self._consumers
        try:
            while True:
                if size - i < 7:
                    needed = 7
                    break
                kind, channel, length = _read_frame(data, i)
                if kind not in _KINDS:
                    raise self._fail(f"there is no type of frame {kind}")
                if length > most:
                    raise self._fail(f"a frame of {length} bytes is too long")
                after = i + length + _OVERHEAD
                if after > size:
                    needed = length + _OVERHEAD
                    break
                end = after - 1
                if data[end] != _END:
                    raise self._fail("a frame does not end where it should")
                if kind == _METHOD:
                    if length < 4:
                        raise self._fail("a method has no name")
                    (method,) = _read_size(data, i + 7)
                    if method == _DELIVER:
                        start = i + 12 + data[i + 11]
                        if start > end:
                            raise self._fail("a delivery has no consumer")
                        tag = data[i + 12 : start]
                        handler = consumers.get(tag)
                        is_ours = handler is not None
                    else:
                        start = i + 11
                        is_ours = channel == self.channel and (method in (_ACK, _NACK, _RETURN))
                    if not is_ours:
                        if method == _TUNE:
                            self._tune(data, i + 11, end)
                            most = self._limit - _OVERHEAD
                        elif method in _CONTROLS:
                            # What came before must be known first.
                            before, run, i = run, after, after
                            try:
                                self._forward(data[before:after])
                            finally:
                                self._control(channel, method)
                        elif channel in contents:
                            raise self._fail("a method comes within a message")
                        i = after
                        continue
                    if run < i:
                        before, run = run, i
                        self._forward(data[before:i])
                    run = i = after
                    self.is_at_end = after == size
                    if contents and channel in contents:
                        raise self._fail("a method comes within a message")
                    if method == _DELIVER:
                        contents[channel] = self._take_delivery(
                            channel, tag, handler, data, start, end
                        )
                    elif method == _RETURN:
                        contents[channel] = self._take_return(channel, data, start, end)
                    else:
                        if start + 9 > end:
                            raise self._fail("a method ends too early")
                        number, bits = _read_confirm(data, start)
                        self._on_confirm(number, bits & 1 == 1, method == _ACK)
                    continue
                if kind == _HEARTBEAT or (content := contents.get(channel)) is None:
                    i = after
                    continue
                start = i + 7
                if run < i:
                    before, run = run, i
                    self._forward(data[before:i])
                run = i = after
                self.is_at_end = after == size
                if kind == _HEADER:
                    self._take_header(content, data, start, end)
                    if content._left == 0:
                        content.body = b""
                        del contents[channel]
                        handler, content._handler = content._handler, None
                        handler(content)
                    continue
                if not content._has_header:
                    raise self._fail("a message has no header")
                left = content._left - length
                if left < 0:
                    raise self._fail("a message is longer than its header says")
                content._left = left
                if left:
                    if content._pieces is None:
                        content._pieces = []
                    content._pieces.append(data[start:end])
                    continue
                if content._pieces is None:
                    content.body = data[start:end]
                else:
                    content._pieces.append(data[start:end])
                    content.body = b"".join(content._pieces)
                    content._pieces = None
                del contents[channel]
                handler, content._handler = content._handler, None
                handler(content)
        finally:
            if i < size:
                self._chunks.append(data[i:])
                self._size = size - i
                self._needed = needed
            if run < i:
                self._forward(data[run:i])

    def _fail(self, reason: str) -> FrameError:
        self._failure = reason
        return FrameError(reason)

    def _tune(self, data: bytes, i: int, end: int) -> None:
        if end - i < 6:
            raise self._fail("the broker does not tell its limits")
        (self.frame_max,) = _read_size(data, i + 2)
        self._limit = max(self.frame_max or _NO_LIMIT, 4096)

    def _control(self, channel: int, method: int) -> None:
        if method >> 16 == 20:
            self.closes[channel] = self.closes.get(channel, 0) + 1
            self._contents.pop(channel, None)
        self._on_control(channel, method >> 16, method & 0xFFFF)

    def _make(self) -> Delivery:
        content = self._message_class.__new__(self._message_class)
        if not isinstance(content, Delivery):
            raise TypeError(f"{self._message_class!r} makes no messages")
        return content

    def _name(self, written: bytes) -> str:
        name = self._names.get(written)
        if name is None:
            name = str(written, "utf-8", "replace")
            _keep(self._names, written, name)
        return name

    def _take_route(self, content: Delivery, data: bytes, i: int, end: int) -> None:
        written = data[i:end]
        route = self._routes.get(written)
        if route is None:
            try:
                exchange, i = _take_short(data, i, end)
                routing_key, i = _take_short(data, i, end)
            except PropertiesError:
                raise self._fail("a method ends too early") from None
            route = (exchange, routing_key)
            if len(written) < 1024:
                _keep(self._routes, written, route)
        content.exchange, content.routing_key = route

    def _take_delivery(
        self, channel: int, tag: bytes, handler: Any, data: bytes, i: int, end: int
    ) -> Delivery:
        if i + 9 > end:
            raise self._fail("a method ends too early")
        content = self._make()
        content.channel_number = channel
        content.consumer_tag = self._name(tag)
        content._handler = handler
        number, bits = _read_confirm(data, i)
        content.delivery_tag = number
        content.redelivered = bits & 1 == 1
        if self.closes:
            content.closes = self.closes.get(channel, 0)
        self._take_route(content, data, i + 9, end)
        return content

    def _take_return(self, channel: int, data: bytes, i: int, end: int) -> Delivery:
        content = self._make()
        content.channel_number = channel
        if i + 2 > end:
            raise self._fail("a method ends too early")
        (content.reply_code,) = _read_16(data, i)
        try:
            content.reply_text, i = _take_short(data, i + 2, end)
        except PropertiesError:
            raise self._fail("a method ends too early") from None
        content._handler = self._on_return
        self._take_route(content, data, i, end)
        return content

    def _take_header(self, content: Delivery, data: bytes, i: int, end: int) -> None:
        if content._has_header:
            raise self._fail("a message has two headers")
        if end - i < 14:
            raise self._fail("the header of a message is broken")
        kind, _, content._left, flags = _read_header(data, i)
        if kind != 60:
            raise self._fail("the header of a message is broken")
        content._has_header = True
        content.headers = {}
        try:
            self._take_properties(content, flags, data, i + 14, end)
        except PropertiesError as problem:
            content.malformed = str(problem)

    def _take_properties(
        self, content: Delivery, flags: int, data: bytes, i: int, end: int
    ) -> None:
        if flags & 1:
            raise PropertiesError("there are more flags than properties")
        if flags & 0x8000:
            # What is at the end is the end of the frame, which says 206 bytes: too many.
            after = i + 1 + data[i]
            if after > end:
                raise _too_early()
            content.content_type = self._name(data[i + 1 : after])
            i = after
        if flags & 0x4000:
            content.content_encoding, i = _take_short(data, i, end)
        if flags & 0x2000:
            content.headers, i = self._tables.take(data, i, end)
            content.has_bytes = self._tables.has_bytes
        if flags & 0x1000:
            if i >= end:
                raise _too_early()
            content.raw_delivery_mode = data[i]
            i += 1
        if flags & 0x0800:
            if i >= end:
                raise _too_early()
            content.raw_priority = data[i]
            i += 1
        if flags & 0x0400:
            after = i + 1 + data[i]
            if after > end:
                raise _too_early()
            content.correlation_id = str(data[i + 1 : after], "utf-8", "replace")
            i = after
        if flags & 0x0200:
            content.reply_to, i = _take_short(data, i, end)
        if flags & 0x0100:
            content.raw_expiration, i = _take_short(data, i, end)
        if flags & 0x0080:
            after = i + 1 + data[i]
            if after > end:
                raise _too_early()
            content.message_id = str(data[i + 1 : after], "utf-8", "replace")
            i = after
        if flags & 0x0040:
            if i + 8 > end:
                raise _too_early()
            (content.timestamp_seconds,) = _read_time(data, i)
            i += 8
        if flags & 0x0020:
            content.type, i = _take_short(data, i, end)
        if flags & 0x0010:
            content.user_id, i = _take_short(data, i, end)
        if flags & 0x0008:
            content.app_id, i = _take_short(data, i, end)
        if flags & 0x0004:
            content.cluster_id, i = _take_short(data, i, end)
