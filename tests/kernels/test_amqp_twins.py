"""The two builds of the AMQP codec do the same, whatever they are given."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import importlib
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clu._speedups import NO_EXTENSIONS

from .amqp_streams import SEEDS, cut_places, deliver, events, frame, mutated

if TYPE_CHECKING:
    import random

if NO_EXTENSIONS:
    pytest.skip("there is one build only", allow_module_level=True)

METHOD = deliver()[: deliver().index(b"\xce\x02") + 1]
PY, C = (importlib.import_module(f"clu._speedups.amqp_{build}") for build in ("py", "c"))


def assert_same_events(data: bytes, cuts: list[int], is_failing: bool = False) -> None:
    assert events(C, data, cuts, is_failing) == events(PY, data, cuts, is_failing)


def result(function: Any, *arguments: Any) -> Any:
    """Return what a function returns, or the class of its error."""
    try:
        return function(*arguments)
    except Exception as error:
        return type(error)


# -- in -----------------------------------------------------------------------------------


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[int]]:
    """Return any bytes, alone, within frames or after valid ones, and where they are cut."""
    raw = st.binary(max_size=300)
    framed = st.builds(frame, st.sampled_from([1, 2, 3, 8]), raw, st.sampled_from([0, 1, 7]))
    named = st.builds(
        lambda name, rest: frame(1, struct.pack(">HH", *name) + rest, 7),
        st.sampled_from([(60, 60), (60, 50), (60, 80), (60, 120), (10, 30), (10, 50), (20, 40)]),
        raw,
    )
    table = st.builds(
        lambda flags, rest: METHOD + frame(2, struct.pack(">HHQH", 60, 0, 0, flags) + rest),
        st.integers(0, 0xFFFF),
        raw,
    )
    pieces = st.one_of(raw, framed, named, table, st.sampled_from(SEEDS))
    data = b"".join(draw(st.lists(pieces, max_size=5)))
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=8).map(sorted))
    return data, cuts


@settings(max_examples=200)
@given(streams(), st.booleans())
def test_any_bytes_cut_anywhere(stream: tuple[bytes, list[int]], is_failing: bool) -> None:
    assert_same_events(*stream, is_failing)


TAGS = st.sampled_from([bytes((tag,)) for tag in b"tbBsUuIilLfdDSxAFTV\x00?"])


@settings(max_examples=500)
@given(st.lists(st.tuples(st.binary(max_size=5), TAGS, st.binary(max_size=24)), max_size=6))
def test_any_table(items: list[tuple[bytes, bytes, bytes]]) -> None:
    table = b"".join(bytes((len(key),)) + key + tag + value for key, tag, value in items)
    payload = struct.pack(">HHQH", 60, 0, 0, 1 << 13) + struct.pack(">I", len(table)) + table
    # Twice, since what is kept of the first must not make the second another.
    assert_same_events(2 * (METHOD + frame(2, payload)), [])


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_streams_with_mistakes(chance: random.Random) -> None:
    data = mutated(chance)
    assert_same_events(data, cut_places(chance, len(data)), chance.random() < 0.2)


@pytest.mark.parametrize("seed", SEEDS)
def test_streams_cut_at_any_byte(seed: bytes) -> None:
    for cut in range(len(seed) + 1):
        assert_same_events(seed, [cut])
    assert_same_events(seed, list(range(len(seed))))


# -- out ----------------------------------------------------------------------------------


class Text(str):
    __slots__ = ()

    def encode(self, *args: Any) -> bytes:
        return b"something else"


class Code(str, enum.Enum):
    INFO = "i"


class Level(enum.IntEnum):
    LOW = 1


ZONE = datetime.timezone(datetime.timedelta(hours=-7))
TEXTS = st.one_of(st.text(max_size=20), st.text("aä\ud800", max_size=300), st.just(Text("t")))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.sampled_from([-129, -128, 127, 128, -32769, -32768, 32767, 32768, 2**31, 2**63, -(2**63)]),
    st.floats(),
    st.decimals(),
    st.sampled_from(list(map(decimal.Decimal, ("1E+9", "1E+999999", "0E+99", "-2147483648")))),
    TEXTS,
    st.binary(max_size=300),
    st.binary(max_size=20).map(bytearray),
    st.datetimes(),
    st.datetimes(timezones=st.just(ZONE)),
    st.sampled_from([Code.INFO, Level.LOW, object(), 1j, memoryview(b"x"), {1}]),
)
KEYS = st.one_of(TEXTS, st.sampled_from([Code.INFO, 1, None, b"k"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4).map(collections.OrderedDict),
    ),
    max_leaves=8,
)
HEADERS = st.dictionaries(KEYS, VALUES, max_size=5)
CHANNELS = st.one_of(
    st.integers(0, 65535), st.sampled_from([-1, 65536, 2**70, True, None, "1", 1.5])
)
LIMITS = st.one_of(
    st.integers(-2, 300), st.integers(4096, 9000), st.sampled_from([0, 2**70, -(2**70), None, "1"])
)
NAMES = st.one_of(st.none(), TEXTS, st.sampled_from([b"b", 1, "x" * 255, "x" * 256]))
TIMES = st.one_of(
    st.none(), st.integers(0, 2**64 - 1), st.sampled_from([-1, 2**64, True, 1.5, "1", 2**200])
)
BODIES = st.one_of(
    st.binary(max_size=400),
    st.binary(min_size=4000, max_size=9000),
    st.sampled_from([bytearray(b"x"), memoryview(b"x"), "x", None]),
)


@given(st.lists(st.tuples(HEADERS, BODIES), min_size=1, max_size=3))
def test_any_headers_and_bodies(messages: list[tuple[Any, Any]]) -> None:
    publishers = [kernel.Publisher("ex", "text/json") for kernel in (PY, C)]
    # In a row, since a publisher keeps what it may need again.
    for headers, body in messages + messages:
        arguments = (1, 4096, "k", body, headers, "m", "c", "r", 5, False)
        py, c = (result(publisher.encode, *arguments) for publisher in publishers)
        assert py == c


@settings(max_examples=500)
@given(TEXTS, TEXTS, CHANNELS, LIMITS, BODIES, NAMES, NAMES, NAMES, NAMES, TIMES, st.booleans())
def test_any_arguments(
    exchange: str,
    content_type: str,
    channel: Any,
    limit: Any,
    body: Any,
    routing_key: Any,
    message_id: Any,
    correlation_id: Any,
    reply_to: Any,
    timestamp: Any,
    is_mandatory: Any,
) -> None:
    ids = (message_id, correlation_id, reply_to)
    arguments = (channel, limit, routing_key, body, {"a": "b"}, *ids, timestamp, is_mandatory)
    py, c = (
        result(kernel.Publisher(exchange, content_type).encode, *arguments) for kernel in (PY, C)
    )
    assert py == c


def test_equal_values_of_several_types_stay_what_they_are() -> None:
    publishers = [kernel.Publisher("ex", "text/json") for kernel in (PY, C)]
    for value in (True, 1, 1.0, decimal.Decimal(1), Level.LOW, False, 0, -0.0, 0.0, "i", Code.INFO):
        arguments = (1, 4096, "k", b"", {"a": value}, None, None, None, None, False)
        py, c = (publisher.encode(*arguments) for publisher in publishers)
        assert py == c


@given(CHANNELS, TIMES)
def test_any_acknowledgement(channel: Any, tag: Any) -> None:
    assert result(PY.encode_ack, channel, tag) == result(C.encode_ack, channel, tag)


@given(st.one_of(st.text("0123456789 x", max_size=80).map(str.encode), st.binary(max_size=60)))
def test_any_long_number(text: bytes) -> None:
    assert PY.has_long_number(text) is C.has_long_number(text)


def test_both_have_the_same_names() -> None:
    def public(kernel: Any) -> dict[str, list[str]]:
        return {
            name: [each for each in dir(value) if isinstance(value, type) and each[0] != "_"]
            for name, value in vars(kernel).items()
            if getattr(value, "__module__", None) == kernel.__name__ and not name.startswith("_")
        }

    assert public(PY) == public(C)
    assert set(PY.__all__) <= set(public(PY))
