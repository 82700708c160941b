"""The opscore kernel: both builds alike, on lines and on values."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu._speedups import NO_EXTENSIONS, opscore_py

if not NO_EXTENSIONS:
    from clu._speedups import opscore_c

CODES = {letter: letter.upper() for letter in ">diwe:f!"}
WORDS = [
    "a",
    "b.c",
    "raw",
    "RAW=",
    "1",
    "-2.5",
    "é",
    "\u3000",
    "\ud800",
    "k=1",
    ".a",
    "12",
    "i",
    "0",
]
MARKS = ['"', "'", "\\", "=", ",", ";", " ", "\t", "\n", "\r", ".hub 1 tcc i ", "1 2 : ", '"x y"']
PIECES = st.sampled_from(WORDS + MARKS)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


class Failure(Exception):
    pass


class Lines:
    """What one build makes of lines, in plain values."""

    def __init__(self, kernel):
        self.scanner = kernel.Scanner(
            kernel.ReplyBase,
            kernel.KeywordsBase,
            kernel.KeywordBase,
            lambda reason, text, pos: Failure(reason, text, pos),
        )
        self.hub, self.actor = kernel.ReplyHeaderBase, kernel.ActorReplyHeaderBase

    def __call__(self, text):
        return [
            self.run(lambda: self.reply(self.scanner.hub_reply(text, self.hub, CODES))),
            self.run(lambda: self.reply(self.scanner.actor_reply(text, self.actor, CODES))),
            self.run(lambda: self.command(self.scanner.command(text))),
        ]

    def run(self, parse):
        try:
            return parse()
        except Failure as error:
            return ("failure", *error.args)

    def reply(self, reply):
        fields = (
            "program",
            "user",
            "actorStack",
            "cmdrName",
            "commandId",
            "actor",
            "userId",
            "code",
        )
        header = [getattr(reply.header, name, None) for name in fields]
        return (
            header,
            [(k.name, k._raw, k._values, k.matched) for k in reply.keywords],
            reply.string,
        )

    def command(self, command):
        text, verb, values, keywords, raw = command
        return text, verb, values, [(k.name, k._raw) for k in keywords], raw


def test_a_reply_is_made_of_the_given_classes(kernel):
    class Keyword(kernel.KeywordBase):
        pass

    class Keywords(kernel.KeywordsBase):
        pass

    class Reply(kernel.ReplyBase):
        pass

    class Header(kernel.ReplyHeaderBase):
        pass

    scanner = kernel.Scanner(Reply, Keywords, Keyword, Failure)
    reply = scanner.hub_reply("p.u.s 5 tcc i a=1,'b c';d\n", Header, CODES)
    assert [type(x) for x in (reply, reply.header, reply.keywords, reply.keywords[0])] == [
        Reply,
        Header,
        Keywords,
        Keyword,
    ]
    assert [(k.name, k._raw) for k in reply.keywords] == [("a", ["1", "b c"]), ("d", [])]
    assert reply.string == "p.u.s 5 tcc i a=1,'b c';d"


def test_classes_of_another_layout_are_refused(kernel):
    no_constructor = type(iter([]))
    for classes in (
        (int, list, dict),
        (kernel.ReplyBase, list, object),
        (kernel.ReplyBase, kernel.KeywordsBase, no_constructor),
        (None, kernel.KeywordsBase, kernel.KeywordBase),
    ):
        with pytest.raises(TypeError, match="is no class that derives from"):
            kernel.Scanner(*classes, Failure)
    scanner = kernel.Scanner(kernel.ReplyBase, kernel.KeywordsBase, kernel.KeywordBase, Failure)
    for scan in (scanner.hub_reply, scanner.actor_reply):
        for header in (int, no_constructor, None):
            with pytest.raises(TypeError, match=r"no class that|expected type|not a type"):
                scan("p.u 5 tcc i a", header, CODES)
    with pytest.raises((TypeError, AttributeError)):
        scanner.hub_reply("p.u 5 tcc i a", kernel.ReplyHeaderBase, None)


def test_a_plan_without_converters_does_not_crash(kernel):
    plan = kernel.Plan([None], None, 1, [], None)
    with pytest.raises(AttributeError):
        plan.convert(["1"])
    with pytest.raises(AttributeError):
        plan.consume(None, "x")


@pytest.mark.parametrize(
    ("reason", "line", "pos"),
    [
        ("header", "p.u x tcc i a", 0),
        ("code", "p.u 5 tcc q a", 10),
        ("token", "p.u 5 tcc i a=1 2", 16),
        ("token", "p.u 5 tcc i a;", 14),
        ("reserved", "p.u 5 tcc i a;raw=1", 14),
    ],
)
def test_a_failure_tells_where(kernel, reason, line, pos):
    failure = Lines(kernel)(line)[0]
    assert failure == ("failure", reason, line, pos)


def ends_word(kernel, char):
    return kernel.word_end(f"a{char}", 0, 2) == 1


def test_words_end_at_white_space_quotes_and_delimiters_only(kernel):
    found = {chr(code) for code in range(sys.maxunicode + 1) if ends_word(kernel, chr(code))}
    spaces = {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()}
    assert found == spaces | set("\"'=,;")


@pytest.mark.skipif(NO_EXTENSIONS, reason="there is one build only")
class TestTwins:
    @given(TEXTS)
    def test_lines_are_read_alike(self, text):
        assert Lines(opscore_c)(text) == Lines(opscore_py)(text)

    @given(TEXTS, TEXTS)
    def test_bodies_are_read_alike(self, header, body):
        for text in (f".hub.sop 17 tcc i {body}", f"1 2 w {body}", f"go {body}", header + body):
            assert Lines(opscore_c)(text) == Lines(opscore_py)(text)


DECIMALS = st.from_regex(r"-?[0-9]{0,12}\.?[0-9]{0,12}", fullmatch=True)


@given(st.one_of(DECIMALS, st.floats().map(repr), st.text("0123456789.-+e_ \u0661", max_size=18)))
@pytest.mark.parametrize("name", ["opscore_py"] if NO_EXTENSIONS else ["opscore_py", "opscore_c"])
def test_short_decimals_are_what_float_reads_or_left_to_it(name, text):
    number = sys.modules[f"clu._speedups.{name}"].short_decimal(text)
    if not math.isnan(number):
        assert repr(number) == repr(float(text))


def test_short_decimals_are_read_without_float(kernel):
    for text in ("0", "-0.0", "1.", ".5", "12.5", "-123456.789012345", "999999999999999"):
        assert repr(kernel.short_decimal(text)) == repr(float(text))
    for text in ("", "-", ".", "-.", "1e3", " 1", "1_0", "nan", "+1", "1234567890123456"):
        assert math.isnan(kernel.short_decimal(text))


def types(kernel):
    def make(base, converter, *args, invalid=None):
        value_type = type(base.__name__, (base,), {"__slots__": ()})
        return getattr(kernel, converter)(value_type, invalid, "(invalid)", *args)

    return {
        "float": make(float, "FloatConverter", 3.4e38),
        "double": make(float, "FloatConverter", sys.float_info.max, invalid="nan"),
        "int": make(int, "IntConverter", 2**31),
        "long": make(int, "IntConverter", None, invalid="?"),
        "uint": make(int, "UIntConverter"),
        "hex": make(int, "HexConverter"),
        "string": make(str, "BareConverter"),
        "enum": make(str, "EnumConverter", {"a": "a", "b": "B"}, ["a", "B"]),
        "bool": make(int, "BoolConverter", {"F": "no", "T": "yes", False: "no", True: "yes"}),
        "call": make(int, "CallConverter", lambda value: [value]),
    }


VALUES = st.one_of(
    st.text(max_size=8),
    st.text("0123456789abcdefxXo+-._ enN?TF", max_size=8),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(max_size=4),
    st.lists(st.integers(), max_size=1),
)


def outcome(function, *args):
    try:
        value = function(*args)
    except (ValueError, TypeError, OverflowError) as error:
        return type(error)
    return type(value).__name__, repr(value)


@given(VALUES)
@pytest.mark.skipif(NO_EXTENSIONS, reason="there is one build only")
def test_values_are_converted_alike_and_errors_are_the_documented_ones(value):
    ours, theirs = types(opscore_py), types(opscore_c)
    for name in ours:
        assert outcome(ours[name].convert, value) == outcome(theirs[name].convert, value)


@given(st.lists(st.tuples(st.sampled_from(["float", "int", "string", "enum"]), VALUES), max_size=5))
@pytest.mark.skipif(NO_EXTENSIONS, reason="there is one build only")
def test_plans_are_carried_out_alike(pairs):
    results = []
    for kernel in (opscore_py, opscore_c):
        found = types(kernel)
        plan = kernel.Plan([found[name] for name, _ in pairs], found["int"], -1, [], None)
        values = [value for _, value in pairs]
        results.append([outcome(plan.convert, values), outcome(plan.convert, [*values, "1", 2])])
    assert results[0] == results[1]
