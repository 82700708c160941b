"""What the tests of the AMQP codec share: streams of a broker, and what comes of them."""

from __future__ import annotations

import datetime
import decimal
import struct
from typing import TYPE_CHECKING, Any

import pamqp.body
import pamqp.frame
import pamqp.header
import pamqp.heartbeat
from pamqp import commands as spec

if TYPE_CHECKING:
    import random

FRAME_MAX = 4096


class Stream:
    """A splitter, and what came out of it."""

    def __init__(self, kernel: Any, tag: str = "ours", channel: int = 7) -> None:
        self.kernel = kernel
        self.forwarded = b""
        self.messages: list[Any] = []
        self.returned: list[Any] = []
        self.confirms: list[tuple[int, bool, bool]] = []
        self.controls: list[tuple[int, int, int]] = []
        self.consumers: dict[bytes, Any] = {tag.encode(): self.messages.append}
        self.splitter = kernel.Splitter(
            self._forward,
            kernel.Delivery,
            self.consumers,
            lambda *confirm: self.confirms.append(confirm),
            self.returned.append,
            lambda *control: self.controls.append(control),
        )
        self.splitter.channel = channel

    def _forward(self, data: bytes) -> None:
        self.forwarded += data

    def feed(self, data: bytes, *cuts: int) -> Stream:
        for start, stop in zip((0, *cuts), (*cuts, len(data)), strict=True):
            self.splitter.feed(data[start:stop])
        return self

    def outcome(self) -> Any:
        return (
            self.forwarded,
            [fields(message) for message in self.messages],
            [fields(message) for message in self.returned],
            self.confirms,
            self.controls,
        )


def fields(message: Any) -> dict[str, Any]:
    return {name: getattr(message, name) for name in dir(message) if not name.startswith("_")}


def events(kernel: Any, data: bytes, cuts: list[int], is_failing: bool = False) -> list[str]:
    """Return all that comes of a stream that is cut into pieces, in order, errors included.

    Every third function that is called fails, if they are to.
    """
    seen: list[str] = []
    splitter: Any = None

    def note(name: str, *values: Any) -> None:
        # As strings they have their types, and what is not a number is equal to itself.
        end = splitter.is_at_end
        seen.append(f"{name} {end} {splitter.frame_max} {values!r}")
        if is_failing and len(seen) % 3 == 0:
            raise KeyError(name)

    def take(name: str, message: Any) -> None:
        note(name, fields(message))

    splitter = kernel.Splitter(
        lambda data: note("forward", data),
        kernel.Delivery,
        {b"ours": lambda message: take("message", message)},
        lambda *confirm: note("confirm", *confirm),
        lambda message: take("return", message),
        lambda *control: note("control", *control),
    )
    splitter.channel = 7
    for start, stop in zip((0, *cuts), (*cuts, len(data)), strict=True):
        piece = data[start:stop]
        while True:
            try:
                splitter.feed(piece)
            except KeyError as error:
                seen.append(repr(error))
                piece = b""
                continue
            except ValueError as error:
                seen.append(f"{type(error).__name__} {error}")
            break
    return seen


def unmarshal(data: bytes) -> list[tuple[int, Any]]:
    frames = []
    while data:
        size, channel, frame = pamqp.frame.unmarshal(data)
        frames.append((channel, frame))
        data = data[size:]
    return frames


def deliver(
    body: bytes = b"{}", tag: str = "ours", channel: int = 1, number: int = 5, **properties: Any
) -> bytes:
    method = spec.Basic.Deliver(tag, number, True, "ex", "reply.a.b")
    return content(method, body, channel, **properties)


def content(method: Any, body: bytes, channel: int, **properties: Any) -> bytes:
    header = pamqp.header.ContentHeader(0, len(body), spec.Basic.Properties(**properties))
    frames = pamqp.frame.marshal(method, channel) + pamqp.frame.marshal(header, channel)
    for start in range(0, len(body), FRAME_MAX - 8):
        piece = body[start : start + FRAME_MAX - 8]
        frames += pamqp.frame.marshal(pamqp.body.ContentBody(piece), channel)
    return frames


def frame(kind: int, payload: bytes, channel: int = 1) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def encode(kernel: Any, **changes: Any) -> bytes:
    """Publish a message, which is as usual where nothing else is said."""
    arguments: dict[str, Any] = {
        "channel": 1,
        "frame_max": 4096,
        "routing_key": "k",
        "body": b"",
        "headers": {},
        "message_id": None,
        "correlation_id": None,
        "reply_to": None,
        "timestamp": None,
        "is_mandatory": True,
        **changes,
    }
    frames: bytes = kernel.Publisher("ex", "text/json").encode(**arguments)
    return frames


DELIVER = pamqp.frame.marshal(spec.Basic.Deliver("ours", 1, False, "", ""), 1)
HEADER = frame(2, struct.pack(">HHQH", 60, 0, 3, 0))


def conversation(length: int) -> bytes:
    """Return frames of all kinds, on several channels, messages interleaved."""
    one, two = deliver(b"x" * length, message_id="1"), deliver(b"", channel=2, message_id="2")
    method = pamqp.frame.marshal(spec.Basic.Deliver("ours", 5, True, "ex", "reply.a.b"), 1)
    cut = len(method)
    return b"".join(
        [
            pamqp.frame.marshal(spec.Connection.Tune(2047, FRAME_MAX * 2, 60), 0),
            deliver(b"foreign", tag="theirs"),
            *(one[:cut], two, one[cut:]),
            pamqp.frame.marshal(pamqp.heartbeat.Heartbeat(), 0),
            pamqp.frame.marshal(spec.Basic.Ack(3, True), 7),
            pamqp.frame.marshal(spec.Basic.Ack(3, True), 8),
            pamqp.frame.marshal(spec.Basic.Nack(4, False, False), 7),
            content(spec.Basic.Return(312, "NO_ROUTE", "ex", "k"), b"back", 7, message_id="3"),
            pamqp.frame.marshal(spec.Connection.Blocked("memory"), 0),
            pamqp.frame.marshal(spec.Connection.Unblocked(), 0),
            pamqp.frame.marshal(spec.Channel.Close(404, "gone", 60, 40), 1),
            deliver(b"later", channel=1),
        ]
    )


CONVERSATION = conversation(5000)


def rich_messages() -> bytes:
    """Return messages with all properties, and with values of all types that pamqp writes."""
    time = datetime.datetime(2024, 5, 6, tzinfo=datetime.timezone.utc)
    headers = {
        "message_code": "i",
        "none": None,
        "internal": False,
        "numbers": [1, -300, 70000, 2**40, 1.5, decimal.Decimal("1.25")],
        "time": time,
        "bytes": bytearray(b"\xff\x00"),
        "table": {"a": {"b": [True, {"c": "ä"}]}},
    }
    usual = {"headers": {"message_code": "i", "sender": "ä"}, "content_type": "text/json"}
    everything = {
        "content_type": "text/json",
        "content_encoding": "utf8",
        "headers": headers,
        "delivery_mode": 2,
        "priority": 3,
        "correlation_id": "ä",
        "reply_to": "q",
        "expiration": "1000",
        "message_id": "m",
        "timestamp": time,
        "message_type": "t",
        "user_id": "u",
        "app_id": "a",
    }
    same = deliver(b'{"a": 1}', message_id="1", **usual)
    back = content(spec.Basic.Return(312, "NO_ROUTE", "ex", "k"), b"back", 7, **usual)
    return same + same + deliver(b"all of it", **everything) + back + same


#: What mutations begin with: short, since most places of a long body make no difference.
SEEDS = [conversation(20), rich_messages(), DELIVER + HEADER + frame(3, b"abc")]
#: The numbers at which something changes.
EDGES = [0, 1, 2, 3, 8, 60, 65, 70, 83, 84, 127, 128, 206, 254, 255]


def mutated(chance: random.Random) -> bytes:
    """Return a stream with some mistakes in it."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5, 20))):
        place = chance.randrange(len(data) + 1)
        other = min(len(data), place + chance.choice((1, 1, 2, 4, 8, 50)))
        kind = chance.randrange(8)
        if kind < 3 and place < len(data):
            data[place] = chance.choice(EDGES) if kind else chance.randrange(256)
        elif kind == 3 and place < len(data):
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 4:
            del data[place:other]
        elif kind == 5:
            data[place:place] = data[place:other]
        elif kind == 6:
            data[place:other] = chance.randbytes(other - place)
        elif kind == 7:
            data[place : place + 4] = struct.pack(
                ">I", chance.choice((0, 1, 255, 2**31, 2**32 - 1))
            )
    return bytes(data)


def cut_places(chance: random.Random, length: int) -> list[int]:
    count = chance.choice((0, 0, 1, 2, 5))
    return sorted(chance.randint(0, length) for _ in range(count))
