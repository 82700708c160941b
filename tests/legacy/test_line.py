"""The line of a reply: with any values, it is one reply with its own keywords."""

from __future__ import annotations

import importlib
import itertools
import json
import math
import re
import struct
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clu import LegacyActor
from clu._speedups import NO_EXTENSIONS
from clu._tcp.command import BadLine
from clu.legacy._line import find_command_id, parse_legacy_line
from clu.legacy.types.parser import ActorReplyParser, ParseError, ReplyParser
from clu.tools import format_value

BUILDS = ("py",) if NO_EXTENSIONS else ("py", "c")
KERNELS = [importlib.import_module(f"clu._speedups.reply_{build}") for build in BUILDS]

#: What has a meaning somewhere between a value and a stream of bytes.
SYNTAX = "\"'\\;,= \t\n\r\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029ab1é"
texts = st.one_of(st.text(SYNTAX, max_size=12), st.text(max_size=8), st.text(max_size=80))
scalars = st.one_of(texts, st.floats(), st.integers(), st.booleans(), st.none())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(
            st.text("abc", min_size=1, max_size=2),
            inner.filter(lambda item: not isinstance(item, dict)),
            max_size=3,
        ),
    ),
    max_leaves=8,
)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.]{0,6}", fullmatch=True).filter(
    lambda name: name.lower() != "raw"
)


class Unknown:
    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


def lines(message: dict[Any, Any]) -> list[bytes]:
    """Return the line of a reply as each build of the kernel writes it."""
    return [kernel.format_line(1, 7, "i", message) for kernel in KERNELS]


def the_line(message: dict[Any, Any]) -> bytes:
    first, *others = lines(message)
    assert all(other == first for other in others)
    assert type(first) is bytes
    return first


@given(st.dictionaries(names, values, max_size=4))
@example({"a": '"x', "b": '"; fake=1; y="'})
@example({"a": 'x"', "b": '; fake=1; y="'})
@example({"a": "'", "b": "'; fake=1"})
@example({"a": "\\", "b": '"; fake=1'})
@example({"a": '\t"', "b": '"; fake=1; x="'})
@example({"a": ['"', '";fake=1']})
@example({"a": '"\\', "b": ";fake=1"})
@example({"a": "a\n2 8 : fake=1"})
@example({"a": 'a,"b', "b": 'c";fake=1'})
def test_no_value_can_be_taken_for_a_keyword_or_a_reply(message: dict[str, Any]) -> None:
    try:
        line = the_line(message)
    except ValueError:
        with pytest.raises(ValueError, match="depth > 1"):
            format_value(list(message.values()))
        return
    text = line.decode()
    assert text.endswith("\n")
    assert text.splitlines() == [text[:-1]]
    assert "\0" not in text
    for parser, received in (
        (ActorReplyParser(), text),
        (ReplyParser(), text.replace("1 7", "APO.Jane 7 stage", 1)),
    ):
        reply = parser.parse(received)
        assert reply.header.commandId in (1, 7)
        assert [keyword.name for keyword in reply.keywords] == list(message)


def keywords_of(line: str) -> list[tuple[str, list[str]]]:
    """Return the names and values of a reply as both parsers read them."""
    found = []
    for parser, received in (
        (ActorReplyParser(), line),
        (ReplyParser(), line.replace("1 7", "APO.Jane 7 stage", 1)),
    ):
        reply = parser.parse(received)
        found.append([(keyword.name, list(keyword.values)) for keyword in reply.keywords])
    assert found[0] == found[1]
    return found[0]


def quotations(line: str) -> list[str]:
    """Return the values of a line with one keyword, with the quotes around them."""
    text = line.partition("=")[2].rstrip("\n")
    tokens = ActorReplyParser().tokenize(text)
    return [text[token.lexpos : token.end] for token in tokens if token.type != "COMMA"]


def meaning(value: str) -> str:
    """Return what a value of a line stands for: JSON in double quotes, else what is there."""
    if value[0] == '"':
        return str(json.loads(value))
    return value[1:-1] if value[0] == "'" else value


def is_written_by_its_author(text: str) -> bool:
    """Whether a string begins with a quote, or has one behind a comma: a quotation, or several."""
    return re.search(r"""(?:^|,)[ \t]*["']""", text) is not None


@given(st.dictionaries(names, values, max_size=4))
@example({"a": ""})
@example({"a": "\t"})
@example({"a": ["", 1]})
@example({"a": [[], 1]})
@example({"a": '"one" two'})
@example({"a": '"one\ntwo"'})
@example({"a": "'one\x0btwo'"})
@example({"a": [Unknown("one two"), Unknown("{1, 2}"), Unknown("a=b"), Unknown("")]})
def test_every_line_can_be_parsed(message: dict[str, Any]) -> None:
    try:
        line = the_line(message).decode()
    except ValueError:
        return
    assert [name for name, _ in keywords_of(line)] == list(message)


@given(st.dictionaries(names, texts, max_size=4))
@example({"a": "b=c", "b": 'quo"te', "c": "it's", "d": "a\tb"})
@example({"a": ",", "b": "a,,b", "c": "\xa0", "d": "\u3000a"})
@example({"a": "it's=\\", "b": "='\\'", "c": "=\"'", "d": "=\\"})
def test_strings_come_back_from_a_legacy_actor(message: dict[str, str]) -> None:
    sent: list[bytes] = []
    actor = LegacyActor("stage", "localhost", 0, additional_properties=True)
    actor.transports[1] = types.SimpleNamespace(write=sent.append, user_id=1)
    actor.write("i", message, user_id=1, command_id=7, validate=False)
    assert sent == [the_line(message)]
    found = keywords_of(sent[0].decode())
    assert [name for name, _ in found] == list(message)
    for (_, read), text in zip(found, message.values(), strict=True):
        joined = ",".join(read)
        if joined != text and not is_written_by_its_author(text):
            # What no quotes can hold, and what has a space, is JSON.
            assert json.loads(f'"{joined}"') == text


@given(st.lists(texts.filter(lambda text: not is_written_by_its_author(text)), min_size=2))
def test_a_list_of_strings_comes_back(texts: list[str]) -> None:
    line = the_line({"a": texts}).decode()
    (_, read), *others = keywords_of(line)
    assert not others
    found = [meaning(value) for value in quotations(line)]
    assert len(found) == len(read)
    assert ",".join(found) == ",".join(texts)
    if not any("," in text for text in texts):
        assert found == texts


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a=b", '"a=b"'),
        ("é=b", '"é=b"'),
        ('quo"te', "'quo\"te'"),
        ("it's", '"it\'s"'),
        ("a\tb", "'a\tb'"),
        ("a\t", "'a\t'"),
        ("a=\\b", "'a=\\b'"),
        ("a=\\", '"a=\\\\"'),
        ("a'=\"b", '"a\'=\\"b"'),
        (",", '","'),
        ("a,,b", '"a,,b"'),
        ("a\xa0b", '"a\xa0b"'),
        ('"one" two', "'\"one\" two'"),
        ('"one\ntwo"', '"\\"one\\ntwo\\""'),
        # As ever.
        ("a,b", "a,b"),
        ("1,'b;c'", "1,'b;c'"),
        ('"a",\t"b"', '"a",\t"b"'),
        ("a;b", '"a;b"'),
        ('"a', '"\\"a"'),
        ('say "hi" now', '"say \\"hi\\" now"'),
        ("a\\b", "a\\b"),
    ],
)
def test_a_string_is_quoted_where_it_could_not_be_read(text: str, written: str) -> None:
    assert the_line({"a": text}) == f"1 7 i a={written}\n".encode()


@given(st.dictionaries(names, values, max_size=3))
def test_what_can_be_read_is_written_as_recorded(message: dict[str, Any]) -> None:
    try:
        formatted = {name: format_value(value) for name, value in message.items()}
    except ValueError:
        return
    keywords = [f"{name}={text}" if text else name for name, text in formatted.items()]
    recorded = f"1 7 i {'; '.join(keywords)}\n"
    if "\t" in recorded or "\0" in recorded or recorded.splitlines() != [recorded[:-1]]:
        return
    try:
        found = keywords_of(recorded)
    except ParseError:
        return
    # Or else a value makes a keyword.
    if [name for name, _ in found] == list(message):
        assert the_line(message) == recorded.encode()


def doubles() -> st.SearchStrategy[float]:
    any_bits = st.integers(0, 2**64 - 1).map(
        lambda bits: struct.unpack("d", struct.pack("Q", bits))[0]
    )
    decimals = st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 9)).map(
        lambda pair: pair[0] / 10 ** pair[1]
    )
    edges = [10.0**power for power in range(-6, 19)]
    near = st.sampled_from(edges).flatmap(
        lambda edge: st.sampled_from([edge, math.nextafter(edge, 0) if NEXT else edge, -edge])
    )
    return st.one_of(st.floats(), any_bits, decimals, near)


NEXT = hasattr(math, "nextafter")


@given(doubles())
@example(0.0)
@example(-0.0)
@example(1e16)
@example(9999999999999998.0)
@example(1e-4)
@example(9.999999999999999e-05)
def test_a_number_is_written_as_python_does(number: float) -> None:
    assert the_line({"a": number}) == f"1 7 i a={number}\n".encode()
    assert the_line({"a": [number, 1]}) == f"1 7 i a={number},1\n".encode()


@given(st.lists(st.one_of(doubles(), st.integers(-(2**70), 2**70)), min_size=2, max_size=6))
def test_numbers_are_written_as_python_does(numbers: list[Any]) -> None:
    expected = ("1 7 i a=" + ",".join(map(str, numbers)) + "\n").encode()
    assert the_line({"a": numbers}) == the_line({"a": tuple(numbers)}) == expected


class Text(str):
    def __str__(self) -> str:
        return "misleading; fake=1"


class Pair(list[Any]):
    pass


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Text("a b"), '="a b"'),
        (Text("plain"), "=plain"),
        (Pair([1.5, "x"]), "=1.5,x"),
        ([np.float64(1.5), np.int64(3), True], "=1.5,3,T"),
        ([1, True, False], "=1,T,F"),
        ([], ""),
        ([""], ""),
        (["", ""], '="",""'),
        ({}, ""),
        ("", ""),
        ([[], {}], '="",""'),
        (Unknown(""), ""),
        (Unknown("a; b"), '="a; b"'),
        (Unknown("a b"), '="a b"'),
        (Unknown("{1, 2}"), "={1, 2}"),
        (Unknown("a\nb"), '="a\\nb"'),
        (10**400, f"={10**400}"),
        ([2**64, -(2**63) - 1], f"={2**64},{-(2**63) - 1}"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_unusual_values(value: Any, text: str) -> None:
    assert the_line({"a": value}) == f"1 7 i a{text}\n".encode()


def test_headers_and_empty_messages() -> None:
    for kernel in KERNELS:
        assert kernel.format_line(0, 0, ":", {}) == b"0 0 : \n"
        assert kernel.format_line(12, 2**70, "!", {"a": 1}) == f"12 {2**70} ! a=1\n".encode()


def test_a_name_is_checked_whenever_it_is_used() -> None:
    for kernel, _ in itertools.product(KERNELS, range(2)):
        for name in ("a;b", "a=b", "a\nb", 'a"', "'", "a\0", "a\u2028"):
            with pytest.raises(ValueError, match="part of the name"):
                kernel.format_line(0, 0, "i", {"good": 1, name: 1})
        assert kernel.format_line(0, 0, "i", {"a-b é": 1}) == "0 0 i a-b é=1\n".encode()
        assert kernel.format_line(0, 0, "i", {Text("a"): 1}) == b"0 0 i a=1\n"


def test_many_names_do_not_pile_up() -> None:
    for kernel in KERNELS:
        for number in range(10_000):
            kernel.format_line(0, 0, "i", {f"name{number}": 1})
        if hasattr(kernel, "_names"):
            assert len(kernel._names) <= kernel._MOST_NAMES


def test_lists_that_hold_themselves_are_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for kernel in KERNELS:
        with pytest.raises(RecursionError):
            kernel.format_line(0, 0, "i", {"a": endless})


@given(st.binary(max_size=80))
def test_any_bytes_are_a_command_or_not(line: bytes) -> None:
    try:
        parsed = parse_legacy_line(line)
    except BadLine:
        return
    if parsed is None:
        assert not line.decode().strip()
    else:
        assert parsed[1] >= 0
        assert parsed[2]


@pytest.mark.parametrize(
    ("text", "command_id"),
    [("", 0), ("12", 12), ("12x", 12), (" APO.Jane 7 !", 7), ("9" * 700, 0), ("x 5", 0)],
)
def test_the_id_of_a_line_that_is_no_command(text: str, command_id: int) -> None:
    assert find_command_id(text) == command_id
