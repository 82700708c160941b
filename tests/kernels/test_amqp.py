"""The AMQP codec: what it encodes and decodes is what pamqp does; garbage is an error."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import struct
from importlib.metadata import version
from typing import Any

import pamqp.frame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import commands as spec

from .amqp_streams import (
    CONVERSATION,
    DELIVER,
    FRAME_MAX,
    HEADER,
    Stream,
    deliver,
    encode,
    fields,
    frame,
    unmarshal,
)

#: What pamqp does not send as it is.
IS_OLD = int(version("pamqp").partition(".")[0]) < 4
LOSSY = (float, decimal.Decimal) if IS_OLD else (float,)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SHORT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
TIMES = st.integers(0, 2**32 - 1).map(
    lambda seconds: datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
)
DECIMALS = st.builds(
    lambda mantissa, scale: decimal.Decimal(mantissa).scaleb(-scale),
    st.integers(0, 2**31 - 1),
    st.integers(0, 20),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    TEXTS,
    TIMES,
    DECIMALS,
    st.binary(max_size=20).map(bytearray),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=10,
)
TABLES = st.dictionaries(TEXTS, VALUES, max_size=6)
OPTIONAL = st.one_of(st.none(), SHORT)


@given(
    TABLES,
    st.binary(max_size=3 * FRAME_MAX),
    SHORT,
    OPTIONAL,
    OPTIONAL,
    OPTIONAL,
    st.one_of(st.none(), st.integers(0, 2**32 - 1)),
    st.booleans(),
)
def test_what_is_published_is_what_pamqp_decodes(
    kernel: Any,
    headers: dict[str, Any],
    body: bytes,
    key: str,
    message_id: str | None,
    correlation_id: str | None,
    reply_to: str | None,
    seconds: int | None,
    mandatory: bool,
) -> None:
    data = kernel.Publisher("ex", "text/json").encode(
        9, FRAME_MAX, key, body, headers, message_id, correlation_id, reply_to, seconds, mandatory
    )
    frames = unmarshal(data)
    assert {channel for channel, _ in frames} == {9}
    method, header, *bodies = (frame for _, frame in frames)
    assert (method.exchange, method.routing_key, method.mandatory) == ("ex", key, mandatory)
    assert header.body_size == len(body)
    assert b"".join(each.value for each in bodies) == body
    assert all(len(each.value) <= FRAME_MAX - 8 for each in bodies)
    properties = header.properties
    assert properties.headers == headers
    assert (properties.content_type, properties.delivery_mode) == ("text/json", 1)
    found = (properties.message_id, properties.correlation_id, properties.reply_to)
    assert found == (message_id, correlation_id, reply_to)
    stamp = properties.timestamp
    assert (None if stamp is None else int(stamp.timestamp())) == seconds


@given(TABLES, st.binary(max_size=3 * FRAME_MAX))
def test_what_is_published_is_what_is_delivered(
    kernel: Any, headers: dict[str, Any], body: bytes
) -> None:
    data = kernel.Publisher("ex", "text/json").encode(
        7, FRAME_MAX, "k", body, headers, "m", "c", "r", 5, True
    )
    publish = spec.Basic.Publish(0, "ex", "k", True)
    returned = pamqp.frame.marshal(spec.Basic.Return(312, "NO_ROUTE", "ex", "k"), 7)
    skip = len(pamqp.frame.marshal(publish, 7))
    (message,) = Stream(kernel).feed(returned + data[skip:]).returned
    assert (message.headers, message.body) == (headers, body)
    assert (message.message_id, message.correlation_id, message.reply_to) == ("m", "c", "r")
    assert (message.reply_code, message.reply_text) == (312, "NO_ROUTE")
    assert message.timestamp_seconds == 5


@given(TABLES, st.binary(max_size=100), SHORT.filter(bool))
def test_what_pamqp_sends_is_what_is_delivered(
    kernel: Any, headers: dict[str, Any], body: bytes, text: str
) -> None:
    times = datetime.datetime(2024, 5, 6, tzinfo=datetime.timezone.utc)
    data = deliver(
        body,
        headers=without_floats(headers),
        content_type=text,
        content_encoding="utf8",
        delivery_mode=2,
        priority=3,
        correlation_id=text,
        reply_to="q",
        expiration="1000",
        message_id="m",
        timestamp=times,
        message_type="t",
        user_id="u",
        app_id="a",
    )
    (message,) = Stream(kernel).feed(data).messages
    assert message.malformed is None
    assert message.headers == without_floats(headers)
    assert message.body == body
    assert (message.exchange, message.routing_key) == ("ex", "reply.a.b")
    assert (message.delivery_tag, message.redelivered, message.consumer_tag) == (5, True, "ours")
    assert (message.content_type, message.correlation_id) == (text, text)
    assert (message.content_encoding, message.reply_to, message.type) == ("utf8", "q", "t")
    assert (message.raw_delivery_mode, message.raw_priority) == (2, 3)
    assert (message.raw_expiration, message.message_id) == ("1000", "m")
    assert (message.user_id, message.app_id, message.cluster_id) == ("u", "a", None)
    assert message.timestamp_seconds == int(times.timestamp())


def without_floats(value: Any) -> Any:
    """Return a value without what pamqp cannot send: floats, which lose half their digits.

    Before version 4 it loses those of decimal numbers, too, and has no small negative ones.
    """
    if isinstance(value, dict):
        return {key[:30]: without_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_floats(item) for item in value]
    if isinstance(value, LOSSY) or (IS_OLD and isinstance(value, int) and -128 <= value < 0):
        return str(value)
    return value


ALL_TYPES = {
    b"t\x01": True,
    b"b\xff": -1,
    b"B\xff": 255,
    b"s\xff\xfe": -2,
    b"U\xff\xfe": -2,
    b"u\xff\xfe": 65534,
    b"I\xff\xff\xff\xfd": -3,
    b"i\xff\xff\xff\xfd": 2**32 - 3,
    b"l" + b"\xff" * 8: -1,
    b"L" + b"\xff" * 8: -1,
    b"f" + struct.pack(">f", 1.5): 1.5,
    b"d" + struct.pack(">d", 0.1): 0.1,
    b"D\x02\x00\x00\x00\x7b": decimal.Decimal("1.23"),
    b"D\x01\xff\xff\xff\xff": decimal.Decimal("-0.1"),
    b"S\x00\x00\x00\x01a": "a",
    b"S\x00\x00\x00\x01\xff": b"\xff",
    b"x\x00\x00\x00\x01\xff": bytearray(b"\xff"),
    b"A\x00\x00\x00\x03Vt\x00": [None, False],
    b"F\x00\x00\x00\x03\x01aV": {"a": None},
    b"T" + struct.pack(">Q", 3): datetime.datetime(
        1970, 1, 1, 0, 0, 3, tzinfo=datetime.timezone.utc
    ),
    b"T" + struct.pack(">Q", 10**13): datetime.datetime(
        2286, 11, 20, 17, 46, 40, tzinfo=datetime.timezone.utc
    ),
    b"V": None,
    b"\x00": None,
}


def with_table(kernel: Any, table: bytes, flags: int = 1 << 13) -> Any:
    payload = struct.pack(">HHQH", 60, 0, 0, flags) + struct.pack(">I", len(table)) + table
    method = pamqp.frame.marshal(spec.Basic.Deliver("ours", 1, False, "", ""), 1)
    data = method + struct.pack(">BHI", 2, 1, len(payload)) + payload + b"\xce"
    stream = Stream(kernel).feed(data + deliver(b"next"))
    message, after = stream.messages
    assert after.body == b"next"
    return message


@pytest.mark.parametrize(("data", "value"), ALL_TYPES.items())
def test_every_type_in_a_table(kernel: Any, data: bytes, value: Any) -> None:
    message = with_table(kernel, b"\x03key" + data)
    assert message.malformed is None
    assert message.headers == {"key": value}
    assert type(message.headers["key"]) is type(value)
    assert message.has_bytes == isinstance(value, (bytes, bytearray))


@pytest.mark.parametrize(("data", "value"), ALL_TYPES.items())
def test_a_table_that_comes_again_is_a_new_one(kernel: Any, data: bytes, value: Any) -> None:
    table = b"\x03key" + data
    payload = struct.pack(">HHQH", 60, 0, 0, 1 << 13) + struct.pack(">I", len(table)) + table
    stream = Stream(kernel)
    for _ in range(3):
        message = stream.feed(DELIVER + frame(2, payload)).messages[-1]
        assert message.headers == {"key": value}
        assert type(message.headers["key"]) is type(value)
        assert message.has_bytes == isinstance(value, (bytes, bytearray))
        if isinstance(value, (list, bytearray)):
            message.headers["key"].clear()
        message.headers["other"] = 1


@settings(max_examples=20)
@given(st.lists(st.text("ab\N{LATIN SMALL LETTER E WITH ACUTE}", max_size=70), max_size=300))
def test_strings_are_their_own_whatever_came_before(kernel: Any, texts: list[str]) -> None:
    stream = Stream(kernel)
    for text in texts:
        key, value = text.encode(), text.encode("latin-1")
        table = bytes([len(key)]) + key + b"S" + struct.pack(">I", len(value)) + value
        payload = struct.pack(">HHQH", 60, 0, 0, 1 << 13) + struct.pack(">I", len(table)) + table
        message = stream.feed(DELIVER + frame(2, payload)).messages[-1]
        assert message.headers in ({text: text}, {text: value})


@pytest.mark.parametrize("data", [data for data in ALL_TYPES if len(data) > 1])
def test_a_value_that_ends_too_early_spoils_its_message_alone(kernel: Any, data: bytes) -> None:
    message = with_table(kernel, b"\x03key" + data[:-1])
    assert message.malformed
    assert message.headers == {}


@pytest.mark.parametrize(
    "table",
    [
        b"\x05key",
        b"\x01k",
        b"\x01k?",
        b"\x01kT" + b"\xff" * 8,
        b"\x01kS\xff\xff\xff\xffab",
        b"\x01kF\x00\x00\x00\x05V",
        b"\x01k" + b"A\x00\x00\x10\x00" * 40,
        b"".join(b"\x01kF" + struct.pack(">I", 7 * (99 - i)) for i in range(100)),
    ],
)
def test_a_broken_table_spoils_its_message_alone(kernel: Any, table: bytes) -> None:
    assert with_table(kernel, table).malformed


def test_properties_with_a_second_word_of_flags(kernel: Any) -> None:
    assert with_table(kernel, b"", flags=(1 << 13) | 1).malformed


def test_an_invalid_text_in_a_property_is_replaced(kernel: Any) -> None:
    payload = struct.pack(">HHQH", 60, 0, 0, 1 << 7) + b"\x02a\xff"
    method = pamqp.frame.marshal(spec.Basic.Deliver("ours", 1, False, "", ""), 1)
    data = method + struct.pack(">BHI", 2, 1, len(payload)) + payload + b"\xce"
    (message,) = Stream(kernel).feed(data).messages
    assert message.message_id == "a\N{REPLACEMENT CHARACTER}"


def test_a_conversation(kernel: Any) -> None:
    stream = Stream(kernel).feed(CONVERSATION)
    assert [(m.message_id, m.body, m.closes) for m in stream.messages] == [
        ("2", b"", 0),
        ("1", b"x" * 5000, 0),
        (None, b"later", 1),
    ]
    assert [(m.message_id, m.body) for m in stream.returned] == [("3", b"back")]
    assert stream.confirms == [(3, True, True), (4, False, False)]
    assert stream.controls == [(0, 10, 60), (0, 10, 61), (1, 20, 40)]
    assert stream.splitter.frame_max == 2 * FRAME_MAX
    names = [type(frame).__name__ for _, frame in unmarshal(stream.forwarded)]
    assert names == [
        *("Tune", "Deliver", "ContentHeader", "ContentBody", "Heartbeat", "Ack"),
        *("Blocked", "Unblocked", "Close"),
    ]


def test_splitting_at_any_byte_gives_the_same_frames(kernel: Any) -> None:
    whole = Stream(kernel).feed(CONVERSATION).outcome()
    for cut in range(len(CONVERSATION)):
        if cut % 97 == 0 or cut < 400 or cut > len(CONVERSATION) - 700:
            assert Stream(kernel).feed(CONVERSATION, cut).outcome() == whole
    assert Stream(kernel).feed(CONVERSATION, *range(1, len(CONVERSATION))).outcome() == whole


@given(st.lists(st.integers(0, len(CONVERSATION)), max_size=20).map(sorted))
def test_splitting_at_several_bytes_gives_the_same_frames(kernel: Any, cuts: list[int]) -> None:
    assert (
        Stream(kernel).feed(CONVERSATION, *cuts).outcome()
        == Stream(kernel).feed(CONVERSATION).outcome()
    )


def feed_garbage(kernel: Any, data: bytes) -> None:
    stream = Stream(kernel)
    with contextlib.suppress(kernel.FrameError):
        stream.feed(data)
    for message in stream.messages + stream.returned:
        assert fields(message)


@given(st.binary(max_size=2000))
def test_garbage_is_an_error_of_ours(kernel: Any, data: bytes) -> None:
    feed_garbage(kernel, data)


@settings(max_examples=500)
@given(st.data())
def test_a_damaged_conversation_is_an_error_of_ours(kernel: Any, data: st.DataObject) -> None:
    damaged = bytearray(CONVERSATION)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        # Most of the conversation is one long body, where nothing can go wrong.
        if 300 < place < 4500:
            place %= 300
        damaged[place] = data.draw(st.integers(0, 255))
    feed_garbage(kernel, bytes(damaged))


@given(st.binary(max_size=200), st.sampled_from([1, 2, 3]), st.sampled_from([1, 7]))
def test_garbage_within_frames_is_an_error_of_ours(
    kernel: Any, payload: bytes, kind: int, channel: int
) -> None:
    frame = struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"
    start = pamqp.frame.marshal(spec.Basic.Deliver("ours", 1, False, "", ""), channel)
    feed_garbage(kernel, frame)
    feed_garbage(kernel, start + frame)
    for method in (50, 60, 80, 120):
        named = struct.pack(">HH", 60, method) + payload
        feed_garbage(kernel, struct.pack(">BHI", 1, 7, len(named)) + named + b"\xce")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x09" * 8, "no type of frame 9"),
        (struct.pack(">BHI", 1, 1, 2**31), "too long"),
        (struct.pack(">BHI", 1, 1, 4) + b"abcdX", "does not end"),
        (frame(1, b"ab"), "no name"),
        (frame(1, struct.pack(">HH", 60, 60)), "no consumer"),
        (frame(1, struct.pack(">HH", 60, 60) + b"\x09ours"), "no consumer"),
        (frame(1, struct.pack(">HH", 60, 60) + b"\x04ours\x01"), "ends too early"),
        (frame(1, struct.pack(">HH", 60, 80), 7), "ends too early"),
        (frame(1, struct.pack(">HH", 10, 30), 0), "limits"),
        (DELIVER + DELIVER, "within a message"),
        (DELIVER + frame(1, struct.pack(">HH", 20, 20)), "within a message"),
        (DELIVER + frame(3, b"abc"), "no header"),
        (DELIVER + frame(2, b"abc"), "broken"),
        (DELIVER + HEADER + HEADER, "two headers"),
        (DELIVER + HEADER + frame(3, b"abcd"), "longer than its header says"),
    ],
)
def test_what_is_no_amqp_is_an_error_that_tells_why(kernel: Any, data: bytes, words: str) -> None:
    with pytest.raises(kernel.FrameError, match=words):
        Stream(kernel).feed(data)


def test_frames_are_as_long_as_was_agreed(kernel: Any) -> None:
    tune = pamqp.frame.marshal(spec.Connection.Tune(2047, 8192, 60), 0)
    with pytest.raises(kernel.FrameError, match="too long"):
        Stream(kernel).feed(tune + struct.pack(">BHI", 3, 1, 8192))
    tune = pamqp.frame.marshal(spec.Connection.Tune(2047, 0, 60), 0)
    Stream(kernel).feed(tune + struct.pack(">BHI", 3, 1, 2**24))


def test_a_long_frame_that_comes_in_small_pieces_is_not_copied_with_each(kernel: Any) -> None:
    """To copy what has come before would take longer than any test may."""
    body = bytes(64 * 1024 * 1024)
    header = frame(2, struct.pack(">HHQH", 60, 0, len(body), 0))
    tune = pamqp.frame.marshal(spec.Connection.Tune(2047, 0, 60), 0)
    stream = Stream(kernel).feed(tune + DELIVER + header)
    data = frame(3, body)
    for start in range(0, len(data), 256):
        stream.splitter.feed(data[start : start + 256])
    (message,) = stream.messages
    assert message.body == body


def test_an_error_of_the_stream_stays(kernel: Any) -> None:
    stream = Stream(kernel)
    for data in (b"\x09" * 8, deliver(), b""):
        with pytest.raises(kernel.FrameError, match="no type of frame 9"):
            stream.feed(data)
    assert stream.messages == []


def test_what_could_not_be_forwarded_is_not_forwarded_again(kernel: Any) -> None:
    seen: list[bytes] = []

    def forward(data: bytes) -> None:
        seen.append(data)
        raise KeyError(data)

    messages: list[Any] = []
    handlers = (messages.append, messages.append, messages.append)
    splitter = kernel.Splitter(forward, kernel.Delivery, {b"ours": messages.append}, *handlers)
    foreign = deliver(b"foreign", tag="theirs")
    with pytest.raises(KeyError):
        splitter.feed(foreign + deliver(b"ours") + foreign)
    with pytest.raises(KeyError):
        splitter.feed(b"")
    splitter.feed(b"")
    assert seen == [foreign, foreign]
    assert [message.body for message in messages] == [b"ours"]


def test_a_function_that_is_called_cannot_feed(kernel: Any) -> None:
    stream = Stream(kernel)
    stream.consumers[b"ours"] = lambda message: stream.feed(deliver())
    with pytest.raises(RuntimeError, match="feeds it"):
        stream.feed(deliver())
    stream.consumers[b"ours"] = stream.messages.append
    stream.feed(deliver(b"next"))
    assert [message.body for message in stream.messages] == [b"next"]


def test_the_header_of_a_broker_of_another_version_is_passed_on(kernel: Any) -> None:
    assert Stream(kernel).feed(b"AMQP\x00\x00\x09\x02", 3).forwarded == b"AMQP\x00\x00\x09\x02"


def test_a_channel_that_is_closed_loses_what_was_under_way(kernel: Any) -> None:
    close = pamqp.frame.marshal(spec.Channel.Close(404, "gone", 60, 40), 1)
    stream = Stream(kernel).feed(DELIVER + HEADER + close + deliver(b"next"))
    assert [message.body for message in stream.messages] == [b"next"]


def test_an_error_of_a_function_leaves_the_stream_where_it_was(kernel: Any) -> None:
    stream = Stream(kernel)
    seen: list[bytes] = []

    def take(message: Any) -> None:
        seen.append(message.body)
        if message.body == b"bad":
            raise KeyError("bad")

    stream.consumers[b"ours"] = take
    with pytest.raises(KeyError):
        stream.feed(deliver(b"bad") + deliver(b"good") + deliver(b"foreign", tag="theirs"))
    assert seen == [b"bad"]
    stream.feed(b"")
    assert seen == [b"bad", b"good"]
    assert len(unmarshal(stream.forwarded)) == 3


def test_acknowledging(kernel: Any) -> None:
    (frame,) = unmarshal(kernel.encode_ack(3, 2**40))
    assert frame[0] == 3
    assert (frame[1].delivery_tag, frame[1].multiple) == (2**40, False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"routing_key": "ä" * 128}, "the routing key is longer than 255 bytes"),
        ({"message_id": "m" * 256}, "message id"),
        ({"correlation_id": "m" * 256}, "correlation id"),
        ({"reply_to": "m" * 256}, "queue for replies"),
        ({"headers": {"k" * 256: 1}}, "key in the headers"),
        ({"headers": {"k": 2**63}}, "too large"),
        ({"headers": {"k": decimal.Decimal("NaN")}}, "NaN"),
        ({"headers": {"k": decimal.Decimal(2**31)}}, "cannot be in the headers"),
        ({"headers": {"k": decimal.Decimal("1e-300")}}, "cannot be in the headers"),
        ({"headers": {"k": datetime.datetime(1960, 1, 1)}}, "before 1970"),
        ({"headers": {"k": "v" * 5000}}, "longer than 4096 bytes"),
        ({"routing_key": "\ud800"}, "surrogates"),
        ({"channel": 65536}, "no channel 65536"),
        ({"timestamp": -1}, "the time is not a number of 64 bits: -1"),
        ({"headers": {"k": decimal.Decimal("1E+999999999")}}, "cannot be in the headers"),
    ],
)
def test_what_cannot_be_published_is_an_error(
    kernel: Any, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        encode(kernel, **arguments)


@pytest.mark.parametrize("headers", [{"k": object()}, {1: 2}, None])
def test_types_that_amqp_does_not_have(kernel: Any, headers: Any) -> None:
    with pytest.raises(TypeError, match="headers"):
        encode(kernel, headers=headers)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("routing_key", "the routing key is not a string: 5"),
        ("body", "the body is not bytes: 5"),
        ("message_id", "the message id is not a string: 5"),
        ("correlation_id", "the correlation id is not a string: 5"),
        ("reply_to", "the name of the queue for replies is not a string: 5"),
    ],
)
def test_an_argument_of_another_type_is_named(kernel: Any, argument: str, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        encode(kernel, **{argument: 5})


def test_numbers_are_exact_whatever_the_context(kernel: Any) -> None:
    value = decimal.Decimal("-12345.6789")
    with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact])):
        data = encode(kernel, headers={"k": value})
        skip = 8 + int.from_bytes(data[3:7], "big")
        (message,) = Stream(kernel).feed(DELIVER + data[skip:]).messages
    assert message.headers == {"k": value}


def test_a_table_that_contains_itself(kernel: Any) -> None:
    table: dict[str, Any] = {}
    table["again"] = table
    with pytest.raises(ValueError, match="nested too deeply"):
        encode(kernel, headers=table)
