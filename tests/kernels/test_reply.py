"""The reply kernel: what is sent keeps its meaning, and both builds do the same."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import importlib
import itertools
import json
import logging
import math
import pathlib
import re
import time
import types
import uuid
from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict, namedtuple
from typing import Any, NamedTuple

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu._speedups import NO_EXTENSIONS, reply_py

ERRORS = (TypeError, ValueError, RecursionError)


def same(one: Any, two: Any) -> bool:
    """Whether two decoded values are the same, down to types, order, NaN and the sign of zero."""
    if type(one) is not type(two):
        return False
    if isinstance(one, dict):
        return list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, float):
        return repr(one) == repr(two)
    return bool(one == two)


def decoded(kernel: Any, value: Any) -> Any:
    encoded = kernel.encode_json(value)
    assert type(encoded) is bytes
    return json.loads(encoded)


def outcome(function: Any, *args: Any) -> Any:
    """Return what a function returns, or the type of what it raises."""
    try:
        return function(*args)
    except Exception as error:
        return type(error)


# --- format_value -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("word", "word"),
        ("two words", '"two words"'),
        ('say "hi" now', '"say \\"hi\\" now"'),
        ("é x", '"\\u00e9 x"'),
        ("a;b=c,d", "a;b=c,d"),
        ("'quoted already'", "'quoted already'"),
        ('"quoted already"', '"quoted already"'),
        (" ", '" "'),
        (True, "T"),
        (False, "F"),
        (None, "None"),
        (1, "1"),
        (0, "0"),
        (1.0, "1.0"),
        (1e-7, "1e-07"),
        (math.nan, "nan"),
        ([1, "a b", True], '1,"a b",T'),
        ((1, (2, [3])), "1,2,3"),
        ([], ""),
        ({"x": 1, "y": "a b"}, '1,"a b"'),
        ({"x": [1, 2], "y": 3}, "1,2,3"),
        ({}, ""),
        ([{"x": 1}, 2], "1,2"),
        (pathlib.PurePosixPath("/a"), "/a"),
    ],
)
def test_values_are_formatted_as_opscore_writes_them(kernel: Any, value: Any, text: str) -> None:
    assert kernel.format_value(value) == text


def test_a_dictionary_in_a_dictionary_is_not_formatted(kernel: Any) -> None:
    with pytest.raises(ValueError, match="depth > 1"):
        kernel.format_value({"a": {"b": 1}})


def test_numpy_booleans_are_not_the_letters_of_opscore_but_text(kernel: Any) -> None:
    assert kernel.format_value(np.float64(1.5)) == "1.5"
    assert kernel.format_value(np.int64(3)) == "3"


def test_subclasses_are_formatted_as_their_base(kernel: Any) -> None:
    class Words(str):
        __slots__ = ()

    assert kernel.format_value(Words("a b")) == '"a b"'
    assert kernel.format_value(OrderedDict(a=1)) == "1"
    assert kernel.format_value(namedtuple("P", "x y")(1, 2)) == "1,2"


# --- merge_message ----------------------------------------------------------------------------


def test_keywords_win_over_the_message(kernel: Any) -> None:
    assert kernel.merge_message({"a": 1, "b": 2}, "text", {"b": 3}) == {"a": 1, "b": 3}
    assert kernel.merge_message("hi", "text", {"b": 3}) == {"text": "hi", "b": 3}
    assert kernel.merge_message("hi", "text", {"text": "ho"}) == {"text": "ho"}
    assert kernel.merge_message(None, "text", {"b": 3}) == {"b": 3}


def test_the_merged_message_is_always_new(kernel: Any) -> None:
    message, keywords = {"a": 1}, {"b": 2}
    for merged in (
        kernel.merge_message(message, "text", {}),
        kernel.merge_message(message, "text", keywords),
        kernel.merge_message(None, "text", keywords),
    ):
        merged["c"] = 3
    assert (message, keywords) == ({"a": 1}, {"b": 2})


@pytest.mark.parametrize("message", [1, 1.5, True, b"x", ["a"], ("a",), {"a"}, ValueError("x")])
def test_a_message_of_another_type_is_not_merged(kernel: Any, message: Any) -> None:
    assert kernel.merge_message(message, "text", {"a": 1}) is None


def test_subclasses_of_dict_and_str_are_messages(kernel: Any) -> None:
    text = enum.Enum("Text", {"HI": "hi"}, type=str).HI
    assert kernel.merge_message(OrderedDict(a=1), "text", defaultdict(int, b=2)) == {"a": 1, "b": 2}
    assert kernel.merge_message(text, "text", OrderedDict()) == {"text": "hi"}


# --- holds_exception --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "holds"),
    [
        ({}, False),
        ({"a": 1, "b": "x"}, False),
        ({"a": ValueError()}, True),
        ({"a": KeyboardInterrupt()}, True),
        ({"a": {"b": {"c": ValueError()}}}, True),
        ({"a": OrderedDict(b=ValueError())}, True),
        ({"a": {"b": {}}, "c": ValueError()}, True),
        ({"a": ValueError}, False),
        ({"a": [ValueError()]}, False),
    ],
)
def test_exceptions_are_found_in_values_and_nested_dictionaries(
    kernel: Any, message: Any, holds: bool
) -> None:
    assert kernel.holds_exception(message) is holds
    assert kernel.holds_exception(OrderedDict(message)) is holds


def test_what_contains_itself_raises_instead_of_overflowing_the_stack(kernel: Any) -> None:
    message: dict[str, Any] = {}
    message["a"] = message
    values: list[Any] = []
    values.append(values)
    for function, value in [
        (kernel.holds_exception, message),
        (kernel.format_value, values),
        (kernel.format_value, {"a": values}),
    ]:
        with pytest.raises(RecursionError):
            function(value)


# --- prepare_message --------------------------------------------------------------------------


def prepared(kernel: Any, message: Any, process: Any = None, **keywords: Any) -> Any:
    def report(message: dict[str, Any], expand: bool, frame: int) -> dict[str, Any]:
        return {"reported": sorted(message), "expand": expand, "frame": frame}

    return kernel.prepare_message(message, keywords, process, report, True, 3)


def test_a_message_is_merged_processed_and_its_exceptions_reported(kernel: Any) -> None:
    assert prepared(kernel, "hi", b=1) == {"text": "hi", "b": 1}
    assert prepared(kernel, OrderedDict(a=1), lambda message: {**message, "c": 2}) == {
        "a": 1,
        "c": 2,
    }
    reported = {"reported": ["a", "b"], "expand": True, "frame": 3}
    assert prepared(kernel, {"a": ValueError()}, b=1) == reported
    assert prepared(kernel, {"a": 1}, lambda message: {**message, "b": KeyError()}) == reported


def test_a_message_of_another_type_is_not_prepared(kernel: Any) -> None:
    assert prepared(kernel, ["a"], lambda message: 1 / 0) is None


def test_a_message_that_contains_itself_is_left_to_the_encoder(kernel: Any) -> None:
    message: dict[str, Any] = {}
    message["a"] = message
    assert prepared(kernel, message)["a"] is message


# --- encoding ---------------------------------------------------------------------------------

KEYS = st.one_of(
    st.text(max_size=3),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from(["\ud800", "null", "1", "NaN", ""]),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**400]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["\ud800", "a\udfffb", "\ud83d\ude00", "null", "\x00\x7f\u2028"]),
)
JSON_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=4).map(OrderedDict),
    ),
    max_leaves=12,
)


class Color(enum.Enum):
    RED = "red"
    PAIR = (1, 2)
    UNKNOWN = math.nan
    RAW = b"x"


class Level(enum.IntEnum):
    LOW = 1


class Name(str, enum.Enum):
    CAMERA = "camera"


class Bits(enum.Flag):
    A = 1
    B = 2


class IntBits(enum.IntFlag):
    A = 1
    B = 2


class Labelled(int, enum.Enum):
    """What counts for `json` is the number."""

    def __new__(cls, number: int, label: str) -> Any:
        member = int.__new__(cls, number)
        member._value_ = label
        return member

    def __repr__(self) -> str:  # that of Python 3.11 fails
        return f"Labelled.{self._name_}"

    ONE = (1, "one")


class Position(NamedTuple):
    ra: float
    dec: float


@dataclasses.dataclass
class Star:
    name: str
    _hidden: float = 1.5
    parts: Any = None


class Real(float):
    pass


class Whole(int):
    pass


class Table(dict[str, Any]):
    pass


class Row(list[Any]):
    pass


class Unreadable:
    """What looks like an array and cannot be read, like a quantity with a unit."""

    dtype = np.dtype(float)

    def tolist(self) -> Any:
        raise NotImplementedError("no way")


UTC = datetime.timezone.utc
SECONDS_EAST = datetime.timezone(datetime.timedelta(seconds=1172))

OBVIOUS = [
    (Color.RED, "red"),
    (Color.PAIR, [1, 2]),
    (Color.UNKNOWN, math.nan),
    (Level.LOW, 1),
    (Labelled.ONE, 1),
    (Name.CAMERA, "camera"),
    (Bits.A | Bits.B, 3),
    (IntBits.A | IntBits.B, 3),
    (Position(1.5, math.inf), [1.5, math.inf]),
    (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (datetime.datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC), "2026-01-02T03:04:05.000060+00:00"),
    (datetime.datetime(2026, 1, 2, tzinfo=SECONDS_EAST), "2026-01-02T00:00:00+00:19:32"),
    (datetime.date(2026, 1, 2), "2026-01-02"),
    (datetime.time(3, 4), "03:04:00"),
    (datetime.time(3, 4, tzinfo=UTC), "03:04:00+00:00"),
    (pathlib.PurePosixPath("/data/a"), "/data/a"),
    (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (Star("Vega"), {"name": "Vega", "_hidden": 1.5, "parts": None}),
    (
        Star("a", math.nan, Star("b")),
        {
            "name": "a",
            "_hidden": math.nan,
            "parts": {"name": "b", "_hidden": 1.5, "parts": None},
        },
    ),
    (types.MappingProxyType({"a": 1}), {"a": 1}),
    (UserDict(a=1), {"a": 1}),
    (ChainMap({"a": 1}), {"a": 1}),
    (Counter("aa"), {"a": 2}),
    (defaultdict(int, a=1), {"a": 1}),
    (Table(a=Row([1])), {"a": [1]}),
    (Real(1.5), 1.5),
    (Real("nan"), math.nan),
    (Whole(3), 3),
    (ValueError("bad"), "bad"),
    (np.float64(1.5), 1.5),
    (np.float32(0.5), 0.5),
    (np.float64("nan"), math.nan),
    (np.int64(-3), -3),
    (np.uint64(2**64 - 1), 2**64 - 1),
    (np.bool_(True), True),
    (np.str_("a"), "a"),
    (np.longdouble(1.5), 1.5),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (np.array([1.0, math.nan, math.inf]), [1.0, math.nan, math.inf]),
    (np.array([0.5], dtype=np.float32), [0.5]),
    (np.array([0.5], dtype=np.longdouble), [0.5]),
    (np.array([True]), [True]),
    (np.array(["a", "bc"]), ["a", "bc"]),
    (np.array(5), 5),
    (np.array([]), []),
    (np.ma.masked_array([1, 2], mask=[False, True]), [1, None]),
    (np.datetime64("2026-01-02"), "2026-01-02"),
    (np.datetime64("2026-01-02T03:04:05"), "2026-01-02T03:04:05"),
    (np.datetime64("2026-01-02T03:04:05", "ns"), "2026-01-02T03:04:05.000000000"),
    (np.array(["2026-01-02", "NaT"], "M8[D]"), ["2026-01-02", "NaT"]),
]
REJECTED = [
    b"bytes",
    bytearray(b"x"),
    {1, 2},
    frozenset(),
    object(),
    Star,
    1j,
    np.complex128(1j),
    np.timedelta64(5, "s"),
    np.timedelta64(5, "ns"),
    np.bytes_(b"x"),
    np.array([object()]),
    Color.RAW,
    datetime.timedelta(1),
    range(3),
    (each for each in ()),
    {(1, 2): 3},
    {b"x": 3},
    {Color.RED: 3},
    {np.int64(1): 3},
    Unreadable(),
]


def circular() -> list[Any]:
    table: dict[str, Any] = {}
    table["a"] = table
    row: list[Any] = []
    row.append([row])  # orjson 3.13 overflows the stack where a tuple is part of the circle
    star = Star("a")
    star.parts = [star]
    user: Any = UserDict()
    user["a"] = user
    array = np.empty(1, object)
    array[0] = array
    return [table, row, star, user, array]


@given(JSON_VALUES)
def test_what_json_could_send_decodes_to_the_same_value(kernel: Any, value: Any) -> None:
    assert same(decoded(kernel, value), json.loads(json.dumps(value)))


@given(
    st.one_of(st.none(), st.integers(), st.text(max_size=3)),
    st.one_of(st.none(), st.text(max_size=3)),
    st.sampled_from([True, False, None, 0, 1, "yes"]),
    st.sampled_from(["actor", "null", "é"]),
    st.dictionaries(KEYS, JSON_VALUES, max_size=4),
)
def test_a_reply_decodes_to_its_header_and_data(
    kernel: Any, command_id: Any, commander_id: Any, internal: Any, sender: str, message: Any
) -> None:
    line = kernel.encode_reply(command_id, commander_id, ":", internal, sender, message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    header = {
        "command_id": command_id,
        "commander_id": commander_id,
        "message_code": ":",
        "internal": internal,
        "sender": sender,
    }
    expected = json.loads(json.dumps({"header": header, "data": message}))
    assert same(json.loads(line), expected)


def test_null_does_not_send_a_message_the_slow_way(kernel: Any) -> None:
    value = {"null": [None, True, 1, 1.5, "null", {"a": (None, 2.5)}], "b": None}
    assert kernel.encode_json(value) == json.dumps(value, separators=(",", ":")).encode()


@given(st.dictionaries(KEYS, JSON_VALUES, max_size=4), st.sampled_from(["actor", 'a, "é": 🔭']))
def test_a_line_is_what_json_dumps_writes(kernel: Any, message: Any, sender: str) -> None:
    def plain(text: str) -> str:
        """Without what orjson writes in another way: some numbers, and DEL."""
        text = text.replace("\\u007f", "\x7f")
        return re.sub(r"[\d.]+e[+-]?\d+", lambda found: str(float(found.group())), text)

    assert plain(kernel.json_text(message)) == plain(json.dumps(message))
    line = kernel.encode_reply(5, sender, ":", True, sender, message)
    header = {"command_id": 5, "commander_id": sender, "message_code": ":", "internal": True}
    expected = {"header": {**header, "sender": sender}, "data": message}
    assert plain(line.decode("ascii")) == plain(json.dumps(expected)) + "\n"


@pytest.mark.parametrize("which", ["command_id", "commander_id"])
def test_values_that_are_equal_but_of_another_type_stay_apart(kernel: Any, which: str) -> None:
    header = {"command_id": 0, "commander_id": "me", "message_code": "i", "internal": False}
    for value in (1, True, 1.0, "1", Level.LOW, Whole(1), None):
        line = kernel.encode_reply(*{**header, which: value}.values(), "actor", {})
        assert same(json.loads(line)["header"][which], json.loads(json.dumps(value)))


def test_many_commands_can_be_answered(kernel: Any) -> None:
    for number in itertools.chain(range(3000), range(3000)):
        line = kernel.encode_reply(number, f"user {number}", ":", False, "actor", {})
        header = json.loads(line)["header"]
        assert (header["command_id"], header["commander_id"]) == (number, f"user {number}")


def type_name(value: object) -> str:
    return type(value).__name__


#: Values that orjson takes, changes or refuses: they decide who encodes what is beside them.
BESIDE = [1, None, "null", math.nan, 2**70, "\ud800"]


@pytest.mark.parametrize(("value", "form"), OBVIOUS, ids=type_name)
def test_what_json_could_not_send_has_the_obvious_form_whatever_is_beside_it(
    kernel: Any, value: Any, form: Any
) -> None:
    assert same(decoded(kernel, value), form)
    for beside in BESIDE:
        assert same(decoded(kernel, {"a": [value, (beside,)]}), {"a": [form, [beside]]})
        line = kernel.encode_reply(1, "me", "i", False, "actor", {"a": value, "b": beside})
        assert same(json.loads(line)["data"], {"a": form, "b": beside})


@pytest.mark.parametrize("value", REJECTED, ids=type_name)
def test_what_has_no_obvious_form_is_rejected(kernel: Any, value: Any) -> None:
    for beside in BESIDE:
        for wrong in (value, {"a": [beside, value]}):
            with pytest.raises(ERRORS):
                kernel.encode_json(wrong)
            with pytest.raises(ERRORS):
                kernel.encode_reply(1, "me", "i", False, "actor", {"a": wrong})


def test_a_rejection_names_the_type(kernel: Any) -> None:
    with pytest.raises(TypeError, match="a value of type set cannot be sent as JSON"):
        kernel.encode_json([{1}])
    with pytest.raises(TypeError, match="NotImplementedError: no way"):
        kernel.encode_json([Unreadable()])


@pytest.mark.parametrize("which", range(5))
def test_what_contains_itself_is_rejected(kernel: Any, which: int) -> None:
    with pytest.raises(ERRORS):
        kernel.encode_json(circular()[which])


@pytest.mark.parametrize("depth", [200, 255, 300, 400])
def test_deep_nesting_survives(kernel: Any, depth: int) -> None:
    nested: Any = math.nan
    for _ in range(depth):
        nested = {"a": [nested]}
    # Twice as deep as the number says, and past the limit of orjson.
    assert kernel.encode_json(nested) == json.dumps(nested).encode()


def test_absurd_nesting_is_rejected(kernel: Any) -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(ERRORS):
        kernel.encode_json(nested)
    with pytest.raises(RecursionError):
        kernel.format_value(nested)


ODD = st.one_of(
    st.sampled_from([value for value, _ in OBVIOUS]),
    st.sampled_from(REJECTED),
    st.integers(0, 4).map(lambda which: circular()[which]),
    SCALARS,
)
ODD_VALUES = st.recursive(
    ODD,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(KEYS, st.tuples(KEYS)), inner, max_size=3),
        st.dictionaries(st.text(max_size=2), inner, max_size=3).map(Table),
    ),
    max_leaves=6,
)


@given(ODD_VALUES)
def test_both_builds_agree_on_anything(kernel: Any, value: Any) -> None:
    for name, args in [
        ("encode_json", (value,)),
        ("encode_reply", (None, None, "i", True, "actor", {"a": value})),
        ("encode_reply", (1, "me", ":", False, "actor", OrderedDict(a=value, b=None))),
        ("format_value", (value,)),
        ("holds_exception", (Table(a=value),)),
        ("merge_message", (value, "text", {"z": 1})),
        ("merge_message", (value, "text", Table())),
    ]:
        found = outcome(getattr(kernel, name), *args)
        expected = outcome(getattr(reply_py, name), *args)
        assert repr(found) == repr(expected), name


@pytest.mark.parametrize("length", range(9))
@pytest.mark.parametrize("beside", ["", "n", "nu", "nul", "nnul", "lu", "ull"])
def test_numbers_that_json_lacks_are_kept_wherever_they_stand(
    kernel: Any, length: int, beside: str
) -> None:
    value = {"k" * length: beside, "x": [math.inf, None, -math.inf], "end": math.nan}
    decoded = json.loads(kernel.encode_json(value))
    assert same(decoded, value)
    assert same(json.loads(kernel.encode_json(math.nan)), math.nan)


@pytest.mark.parametrize("command", [None, types.SimpleNamespace(command_id=7, commander_id="me")])
def test_a_reply_is_made_and_encoded_in_one(kernel: Any, command: Any) -> None:
    class Sent(kernel.ReplyFields):  # type: ignore[misc, name-defined]
        pass

    before = time.time()
    message = {"a": [1, 2.5], "b": None}
    code = types.SimpleNamespace(_value_=":")
    reply = kernel.prepare_reply(
        Sent, code, message, {"c": 3}, None, dict, True, 0, command, False, True, True
    )
    assert kernel.prepare_reply(Sent, code, 5, {}, None, dict, True, 0, None, 0, 0, 0) is None
    message = {**message, "c": 3}
    assert type(reply) is Sent
    assert before <= reply._created <= time.time()
    assert (reply.message_code, reply.message, reply.command) == (code, message, command)
    assert (reply.broadcast, reply.use_validation, reply.validated) == (False, True, False)
    assert (reply.internal, reply.keywords) == (True, None)
    ids = (7, "me") if command else (None, None)
    for _ in range(2):  # the second time from the latest start
        assert kernel.encode_line(reply, "actor") == kernel.encode_reply(
            *ids, ":", True, "actor", message
        )
        compact = {"a": [1, 2.5], "b": None, "c": 3}
        line = kernel.encode_compact_line(reply, "actor")
        assert line.endswith(b'"data":' + orjson.dumps(compact) + b"}\n")
        assert json.loads(line) == json.loads(kernel.encode_line(reply, "actor"))


# --- would_log --------------------------------------------------------------------------------


class Taking(logging.Handler):
    """Remembers whether it took a record."""

    taken = False

    def emit(self, record: logging.LogRecord) -> None:
        self.taken = True


LEVELS = (logging.NOTSET, 5, logging.WARNING)


@pytest.mark.parametrize("disabled", [False, True])
@pytest.mark.parametrize("propagate", [False, True])
@pytest.mark.parametrize("level", [5, logging.ERROR])
def test_a_logger_would_log_what_one_of_its_handlers_takes(
    kernel: Any, level: int, propagate: bool, disabled: bool
) -> None:
    handler_levels = (None, *LEVELS)
    for own, parents, one, two in itertools.product(LEVELS, LEVELS, handler_levels, handler_levels):
        parent, logger = logging.Logger("parent", parents), logging.Logger("child", own)
        logger.parent, logger.propagate, logger.disabled = parent, propagate, disabled
        handlers = []
        for node, threshold in ((logger, one), (parent, two)):
            if threshold is not None:
                handlers.append(Taking(threshold))
                node.addHandler(handlers[-1])
        would = kernel.would_log(logger, level)
        if handlers:  # with none at all, the handler of last resort writes to stderr
            logger.log(level, "text")
        assert would is any(handler.taken for handler in handlers), (own, parents, one, two)


def test_a_logger_without_handlers_would_not_log(kernel: Any) -> None:
    assert kernel.would_log(logging.Logger("alone"), logging.CRITICAL) is False


def test_a_threshold_for_all_loggers_counts(kernel: Any) -> None:
    def would_log() -> bool:
        logger = logging.Logger("new", 5)  # an old one remembers
        logger.addHandler(Taking())
        return bool(kernel.would_log(logger, 5))

    assert would_log()
    logging.disable(5)
    try:
        assert not would_log()
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.skipif(NO_EXTENSIONS, reason="there is one build only")
def test_tuples_within_tuples_are_refused_before_they_are_encoded() -> None:
    """Interpreted, orjson gets them; it limits how deep lists may be nested, but not tuples."""
    value: Any = ()
    for _ in range(100_000):
        value = (value,)
    compiled = importlib.import_module("clu._speedups.reply_c")
    for nested in (value, [value], {"a": value}, {"a": [1, 2, {"b": value}]}):
        with pytest.raises(RecursionError):
            compiled.encode_json(nested)


@pytest.mark.parametrize("message", [None, {}, [], 0, False, ()])
def test_what_is_false_is_no_message(kernel: Any, message: Any) -> None:
    def report(*_: Any) -> Any:
        raise AssertionError

    prepared = kernel.prepare_message(message, {"a": 1}, None, report, True, 0)
    assert prepared == {"a": 1}
    assert kernel.merge_message(message, "text", {"a": 1}) == {"a": 1}


def test_a_function_may_make_the_replies(kernel: Any) -> None:
    made: list[Any] = []

    def make(*args: Any, **kwargs: Any) -> str:
        made.append((args, kwargs))
        return "reply"

    prepared = kernel.prepare_reply(
        make, "i", None, {"a": 1}, None, None, True, 0, None, False, True, None
    )
    assert prepared == "reply"
    assert made == [(("i", {"a": 1}, None, False, True), {"internal": None})]
