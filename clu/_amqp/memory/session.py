"""A connection as the memory broker sees it: frames and messages in, frames and messages out.

It is over 400 lines, a quarter of them documentation, as frames, messages, confirmations and the
end must keep one order, which is the subject of this module.
"""

from __future__ import annotations

import collections
import logging
from struct import Struct
from typing import TYPE_CHECKING, Any, Protocol

import pamqp.frame
from pamqp import commands
from pamqp.heartbeat import Heartbeat

from clu._amqp.memory.channel import Channel
from clu._amqp.memory.message import MemoryMessage, content_frames
from clu._amqp.memory.problems import ChannelProblem, ConnectionProblem, Problem
from clu._version import __version__

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from clu._amqp.memory.broker import Broker

__all__ = ["PRODUCT", "Client", "Session"]

logger = logging.getLogger("clu")

#: What the broker calls itself.
PRODUCT = "clu memory broker"
_GREETING = b"AMQP\x00\x00\x09\x01"
_METHOD, _HEADER, _BODY, _HEARTBEAT = 1, 2, 3, 8
_OVERHEAD = 8
_CHANNEL_MAX, _FRAME_MAX = 2047, 131072
#: The seconds between two heartbeats that the broker proposes.
_HEARTBEAT_INTERVAL = 60
#: How much a client takes in one iteration of its event loop.
_MOST_AT_ONCE = 1000
#: How many seconds a client that is slow may catch up, when it was called late.
_MOST_BEHIND = 0.1
_read_frame = Struct(">BHI").unpack_from
_CAPABILITIES = (
    *("authentication_failure_close", "basic.nack", "connection.blocked"),
    *("consumer_cancel_notify", "per_consumer_qos", "publisher_confirms"),
)


class Client(Protocol):
    """The end of a connection that is with the client."""

    #: What takes messages as objects, by the bytes of the tag of the consumer.
    handlers: dict[bytes, Any]

    def take_bytes(self, data: bytes) -> None:
        """Take frames."""

    def take_message(self, handler: Any, message: MemoryMessage) -> None:
        """Take a message that is for a consumer."""

    def take_confirm(self, channel: int, tag: int, multiple: bool, is_accepted: bool) -> bool:
        """Take a confirmation; return whether the channel is that of the data plane."""

    def take_return(self, channel: int, message: MemoryMessage) -> bool:
        """Take a message that reached no queue, as for `take_confirm`."""

    def lose(self, error: Exception | None) -> None:
        """Be told that the connection is lost."""


class _Confirm:
    """A confirmation on its way to the client."""

    __slots__ = ("channel", "is_accepted", "multiple", "tag")

    def __init__(self, channel: int, tag: int, multiple: bool, is_accepted: bool) -> None:
        self.channel = channel
        self.tag = tag
        self.multiple = multiple
        self.is_accepted = is_accepted


class _End:
    """The end of the connection, on its way to the client."""

    __slots__ = ("error",)

    def __init__(self, error: Exception | None) -> None:
        self.error = error


class Session:
    """A connection.

    What the client sends is dealt with in the next iteration of its event loop, in the order in
    which it was sent, and so is what the broker has for it.

    Parameters
    ----------
    broker
        The broker.
    loop
        The event loop of the client.

    Attributes
    ----------
    name
        What the client calls itself.
    user
        The user as whom it has logged in.
    frame_max
        The longest frame in bytes.
    """

    def __init__(self, broker: Broker, loop: asyncio.AbstractEventLoop, client: Client) -> None:
        self.broker = broker
        self.loop = loop
        self.name = self.user = ""
        self.frame_max = _FRAME_MAX
        self._client = client
        self._in: list[Any] = []
        self._is_scheduled = False
        self._buffer = b""
        self._is_greeted = self._is_open = self._is_closing = self.is_over = False
        self._channels: dict[int, Channel] = {}
        self._to_confirm: list[Channel] = []
        self._out: collections.deque[Any] = collections.deque()
        self._is_touched = self._is_taking = False
        #: When a client that is slow takes the next message.
        self._next_at = 0.0

    @property
    def is_dead(self) -> bool:
        """Whether its event loop was closed, without a word to the broker."""
        return self.loop.is_closed()

    # -- in: called in the event loop of the client ---------------------------------------

    def receive(self, item: Any) -> None:
        """Take what the client sends: bytes, a message or an acknowledgement."""
        self._in.append(item)
        if not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon(self._work)

    def _work(self) -> None:
        """Deal with what the client has sent."""
        self._is_scheduled = False
        items, self._in = self._in, []
        broker = self.broker
        with broker.lock:
            if self.is_over:
                return
            left = iter(items)
            while not self.is_over:
                try:
                    self._deal_with(left)
                    break
                except ConnectionProblem as problem:
                    self._close(problem)
                except Exception:
                    logger.exception("The memory broker failed.")
                    self._close(ConnectionProblem(541, "INTERNAL_ERROR"))
            for channel in self._to_confirm:
                channel.confirm()
            self._to_confirm.clear()
        broker.wake(self)

    def _deal_with(self, items: Iterator[Any]) -> None:
        """Deal with bytes, messages, acknowledgements and the end."""
        for item in items:
            if type(item) is MemoryMessage:
                channel = self._channels.get(item.channel_number)
                if channel is not None and not channel.is_closed and not self._is_closing:
                    try:
                        channel.publish(item)
                    except ChannelProblem as problem:
                        self._close_channel(channel, problem, commands.Basic.Publish)
            elif type(item) is bytes:
                self._feed(item)
            elif item is None:
                self.end(None)
            elif type(item) is tuple:
                self._acknowledge(*item)
            else:
                self._call_back(item)
            if self.is_over:
                return

    def call_later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call a function of a channel later, as if the client had called it."""
        self.loop.call_later(seconds, self.receive, function)

    def _acknowledge(self, number: int, tag: int) -> None:
        channel = self._channels.get(number)
        if channel is not None and not channel.is_closed and not self._is_closing:
            try:
                channel.acknowledge(tag, False)
            except ChannelProblem as problem:
                self._close_channel(channel, problem, commands.Basic.Ack)

    def _call_back(self, function: Callable[[], None]) -> None:
        channel: Channel = function.__self__  # type: ignore[attr-defined]
        if not self._is_closing and not channel.is_closed:
            try:
                function()
            except ChannelProblem as problem:
                self._close_channel(channel, problem, commands.Basic.Publish)

    def _feed(self, data: bytes) -> None:
        """Split bytes into frames."""
        data = self._buffer + data
        start, size = 0, len(data)
        if not self._is_greeted:
            if size < _OVERHEAD:
                self._buffer = data
                return
            self._greet(data[:_OVERHEAD])
            start = _OVERHEAD
        while size - start >= _OVERHEAD and not self.is_over:
            kind, channel, length = _read_frame(data, start)
            end = start + length + _OVERHEAD
            if end > size:
                break
            if data[end - 1] != 0xCE or length + _OVERHEAD > self.frame_max:
                raise ConnectionProblem(501, "FRAME_ERROR - a frame does not end where it should")
            self._take_frame(kind, channel, data[start:end])
            start = end
        self._buffer = data[start:]

    def _greet(self, greeting: bytes) -> None:
        if greeting != _GREETING:
            self.write_bytes(_GREETING)
            self.end(None)
            return
        self._is_greeted = True
        properties: dict[str, Any] = {
            "product": PRODUCT,
            "version": __version__,
            "platform": "Python",
            "capabilities": dict.fromkeys(_CAPABILITIES, True),
        }
        self.write(commands.Connection.Start(0, 9, properties, "PLAIN", "en_US"), 0)

    def _take_frame(self, kind: int, number: int, data: bytes) -> None:
        if kind == _HEARTBEAT:
            self.write(Heartbeat(), 0)
            return
        if kind == _METHOD:
            try:
                method = pamqp.frame.unmarshal(data)[2]
            except Exception as error:
                raise ConnectionProblem(502, f"SYNTAX_ERROR - {error}") from error
            if number == 0:
                self._call(method)
                return
        elif number == 0 or kind not in (_HEADER, _BODY):
            raise ConnectionProblem(501, f"FRAME_ERROR - type {kind} on channel {number}")
        if self._is_closing:
            return
        self._take_channel_frame(kind, number, data, method if kind == _METHOD else None)

    def _take_channel_frame(self, kind: int, number: int, data: bytes, method: Any) -> None:
        channel = self._channels.get(number)
        if not self._is_open or (channel is None) != isinstance(method, commands.Channel.Open):
            name = "nothing" if method is None else method.name
            raise ConnectionProblem(504, f"CHANNEL_ERROR - unexpected {name} on channel {number}")
        if channel is None:
            self._channels[number] = Channel(self, number)
            self.write(commands.Channel.OpenOk(), number)
        elif isinstance(method, commands.Channel.Close):
            if not channel.is_closed:
                channel.confirm()
                channel.release()
            del self._channels[number]
            self.write(commands.Channel.CloseOk(), number)
        elif isinstance(method, commands.Channel.CloseOk):
            del self._channels[number]
        elif not channel.is_closed:
            try:
                if method is not None:
                    channel.call(method)
                elif kind == _HEADER:
                    channel.take_header(data[7:-1])
                else:
                    channel.take_body(data[7:-1])
            except ChannelProblem as problem:
                self._close_channel(channel, problem, method or commands.Basic.Publish)

    def _close_channel(self, channel: Channel, problem: Problem, method: Any) -> None:
        channel.confirm()
        channel.is_closed = True
        channel.release()
        ids = method.frame_id, method.index & 0xFFFF
        self.write(commands.Channel.Close(problem.code, problem.text, *ids), channel.number)

    def _call(self, method: Any) -> None:
        """Do what a method of the connection says."""
        if isinstance(method, commands.Connection.CloseOk):
            self.end(None)
        elif isinstance(method, commands.Connection.Close):
            self.write(commands.Connection.CloseOk(), 0)
            self._is_closing = True
            self.broker.remove(self)
        elif self._is_closing:
            pass
        elif isinstance(method, commands.Connection.StartOk):
            self._log_in(method)
        elif isinstance(method, commands.Connection.TuneOk):
            self.frame_max = min(method.frame_max or _FRAME_MAX, _FRAME_MAX)
        elif isinstance(method, commands.Connection.Open):
            if method.virtual_host != "/":
                raise ConnectionProblem(530, f"NOT_ALLOWED - vhost {method.virtual_host} not found")
            self._is_open = True
            self.write(commands.Connection.OpenOk(), 0)
        else:
            raise ConnectionProblem(
                540, f"NOT_IMPLEMENTED - the memory broker has no method {method.name}"
            )

    def _log_in(self, method: Any) -> None:
        self.user = str(method.response).split("\0")[1] if "\0" in str(method.response) else ""
        properties = method.client_properties or {}
        name = properties.get("actor") or properties.get("connection_name")
        self.name = str(name or f"{properties.get('product', 'client')}")
        if self.broker.faults.refuses(self.name):
            self.cut()
            return
        heartbeat = _HEARTBEAT_INTERVAL
        self.write(commands.Connection.Tune(_CHANNEL_MAX, _FRAME_MAX, heartbeat), 0)

    # -- the end --------------------------------------------------------------------------

    def _close(self, problem: Problem) -> None:
        if self._is_closing:
            self.end(None)
            return
        self._is_closing = True
        self.broker.remove(self)
        self.write(commands.Connection.Close(problem.code, problem.text, 0, 0), 0)

    def shut(self, code: int, reason: str) -> None:
        """Close the connection, with a reason."""
        self._in.clear()
        self._close(ConnectionProblem(code, reason))

    def cut(self) -> None:
        """Lose the connection, at once and without a word: also what was not dealt with yet."""
        self._in.clear()
        self._out.clear()
        self._is_touched = False  # or it might be waiting, because it is slow
        self.end(ConnectionResetError(104, "Connection reset by peer"))

    def end(self, error: Exception | None) -> None:
        """End the connection."""
        if not self.is_over:
            self.is_over = True
            self.broker.remove(self)
            self._put(_End(error))

    def release(self) -> None:
        """Give back what it has not acknowledged."""
        for channel in self._channels.values():
            if not channel.is_closed:
                channel.is_closed = True
                channel.release()

    # -- out: called with the lock of the broker ------------------------------------------

    def _put(self, item: Any) -> None:
        self._out.append(item)
        if not self._is_touched:
            self._is_touched = True
            self.broker.touch(self)

    def write(self, method: Any, channel: int) -> None:
        """Send a method."""
        self._put(pamqp.frame.marshal(method, channel))

    def write_bytes(self, data: bytes) -> None:
        """Send frames."""
        self._put(data)

    def deliver(self, message: MemoryMessage) -> None:
        """Send a message to a consumer."""
        self._out.append(message)
        if not self._is_touched:
            self._is_touched = True
            self.broker.touch(self)

    def give_back(self, message: MemoryMessage, channel: int) -> None:
        """Send a message back that reached no queue."""
        message.channel_number = channel
        self._put(message)

    def confirm_later(self, channel: Channel) -> None:
        """Confirm what is published on a channel, once all is done that has come."""
        self._to_confirm.append(channel)

    def confirm(self, channel: int, tag: int, multiple: bool, is_accepted: bool) -> None:
        """Send a confirmation."""
        self._put(_Confirm(channel, tag, multiple, is_accepted))

    # -- out: called in the event loop of the client --------------------------------------

    def wake(self, current: Session | None) -> None:
        """Have the client take what there is for it."""
        if current is not None and current.loop is self.loop:
            if not self._is_taking:
                self._take()
            return
        try:
            self.loop.call_soon_threadsafe(self._take)
        except RuntimeError:  # the event loop is closed
            self.broker.remove(self)

    def _take(self) -> None:
        """Hand over what there is, up to some."""
        if self._is_taking:
            return
        self._is_taking = True
        self._is_touched = False
        out, client = self._out, self._client
        handlers = client.handlers
        rate = self.broker.faults.rate_of(self.name)
        try:
            for _ in range(_MOST_AT_ONCE):
                if not out:
                    return
                item = out.popleft()
                if type(item) is MemoryMessage:
                    if rate is not None and not self._is_time(rate):
                        out.appendleft(item)
                        return
                    if item.reply_code:
                        self._hand_back(item)
                        continue
                    handler = handlers.get(item.consumer)
                    if handler is None:
                        client.take_bytes(self._delivery(item))
                    else:
                        client.take_message(handler, item)
                elif type(item) is bytes:
                    client.take_bytes(item)
                elif type(item) is _Confirm:
                    self._hand_confirm(item)
                else:
                    client.lose(item.error)
        finally:
            self._is_taking = False
            if out and not self._is_touched:
                self._is_touched = True
                self.loop.call_soon(self._take)

    def _is_time(self, rate: float) -> bool:
        """Whether a client that is slow takes a message now. If not, it does so later."""
        now = self.loop.time()
        if now < self._next_at:
            self._is_touched = True
            self.loop.call_later(self._next_at - now, self._take)
            return False
        self._next_at = max(self._next_at, now - _MOST_BEHIND) + 1 / rate
        return True

    def _delivery(self, message: MemoryMessage) -> bytes:
        """Return the frames of a message that is for a consumer of aio_pika."""
        number = message.channel_number
        method = commands.Basic.Deliver(
            message.consumer_tag,
            message.delivery_tag,
            message.redelivered,
            message.exchange,
            message.routing_key,
        )
        content = content_frames(message, number, self.frame_max)
        return pamqp.frame.marshal(method, number) + content

    def _hand_back(self, message: MemoryMessage) -> None:
        number = message.channel_number
        if not self._client.take_return(number, message):
            text = message.reply_text or ""
            method = commands.Basic.Return(
                message.reply_code, text, message.exchange, message.routing_key
            )
            content = content_frames(message, number, self.frame_max)
            self._client.take_bytes(pamqp.frame.marshal(method, number) + content)

    def _hand_confirm(self, item: _Confirm) -> None:
        if not self._client.take_confirm(item.channel, item.tag, item.multiple, item.is_accepted):
            kind = commands.Basic.Ack if item.is_accepted else commands.Basic.Nack
            method: Any = kind(item.tag, item.multiple)
            self._client.take_bytes(pamqp.frame.marshal(method, item.channel))
