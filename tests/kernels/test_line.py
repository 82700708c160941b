"""The line kernel: a line grows piece by piece, whatever the pieces are."""

from __future__ import annotations

import importlib
import json
import math
from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from clu._speedups import NO_EXTENSIONS

BUILDS = ("py",) if NO_EXTENSIONS else ("py", "c")
KERNELS = [importlib.import_module(f"clu._speedups.line_{build}") for build in BUILDS]


def written(kernel: Any, *pieces: Any) -> bytes:
    line = kernel.Line()
    for piece in pieces:
        kinds = {str: line.add, int: line.add_whole, float: line.add_float}
        kinds[type(piece)](piece)
    result: bytes = line.to_bytes()
    assert type(result) is bytes
    return result


pieces = st.lists(st.one_of(st.text(max_size=30), st.integers(), st.floats()), max_size=20)


@given(pieces)
@example([2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**64, 10**30])
@example(
    [
        -0.0,
        0.0,
        0.1,
        -0.125,
        999.999,
        0.000123,
        12.345678,
        1.0000001,
        123456789.123456,
        999999999.5,
        1e9,
        1e-4,
        0.00011,
        1e16,
        1e22,
        5e-324,
    ]
)
@example([math.inf, -math.inf, math.nan])
@example(["\ud800", "a\udc00é", "é", ""])
@example(["x" * 479, "y", "z" * 5000, 7])
def test_both_builds_write_what_str_does(pieces: list[Any]) -> None:
    expected = "".join(map(str, pieces)).encode("utf-8", "backslashreplace")
    for kernel in KERNELS:
        assert written(kernel, *pieces) == expected


def test_a_line_that_does_not_fit_its_first_memory_grows(kernel: Any) -> None:
    for length in range(465, 495):
        assert (
            written(kernel, "a" * length, 1.125, 12345678901234567890, "é")
            == ("a" * length + "1.125" + "12345678901234567890" + "é").encode()
        ), length
    assert written(kernel, *["é"] * 100_000) == ("é" * 100_000).encode()


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63),
        st.text(max_size=20),
        st.text('",:\\[]{}é\n\0', max_size=20),
    ),
    lambda values: st.one_of(
        st.lists(values, max_size=5), st.dictionaries(st.text('a",:\\é', max_size=10), values)
    ),
    max_leaves=30,
)


@given(json_values)
@example({'":,': ["\\", '\\"', ',:"', {}, [], ""], "a, b: c" * 50: "\\" * 17})
@example([[1.5, -0.125], {"": {"": {}}}])
def test_both_builds_put_spaces_where_json_does(value: Any) -> None:
    expected = json.dumps(value, ensure_ascii=False).encode()
    for kernel in KERNELS:
        spaced = kernel.spaced(orjson.dumps(value), b"<,:", b'"\n')
        assert type(spaced) is bytes
        assert spaced == b"<,:" + expected + b'"\n'


json_bits = st.one_of(json_values, st.text('nul"\\é \x7f', max_size=60))


@given(json_bits)
@example({"could": "nul" * 30, "x": "l"})
@example(["a" * 15 + "null"])
@example([None])
def test_json_with_null_or_other_letters_needs_a_closer_look(value: Any) -> None:
    encoded = orjson.dumps(value)
    is_plain = encoded.isascii() and b"null" not in encoded
    for kernel in KERNELS:
        expected = kernel.spaced(encoded, b"<", b">") if is_plain else None
        assert kernel.spaced_if_plain(encoded, b"<", b">") == expected


def test_null_is_found_wherever_it_is(kernel: Any) -> None:
    for before in range(70):
        for after in range(40):
            encoded = b'"' + b"u" * before + b"null" + b"l" * after + b'"'
            assert kernel.spaced_if_plain(encoded, b"", b"") is None
            assert kernel.spaced_if_plain(encoded.replace(b"nu", b"mu"), b"", b"") is not None


def test_long_json_is_spaced_too(kernel: Any) -> None:
    value = {"numbers": list(range(10_000)), "text": 'a, b: "c"' * 10_000}
    assert kernel.spaced(orjson.dumps(value), b"", b"") == json.dumps(value).encode()


def test_what_is_no_json_is_no_harm(kernel: Any) -> None:
    for broken in (b'"', b'"\\', b'{"abcdefgh', b'"abcdefgh\\', b"", b'",":\\"\\'):
        for cut in range(len(broken) + 1):
            assert kernel.spaced(broken[:cut], b"", b"").replace(b" ", b"") == broken[:cut]


@given(st.binary(max_size=40))
def test_ascii_is_told_from_other_bytes(encoded: bytes) -> None:
    for kernel in KERNELS:
        assert kernel.is_ascii(encoded) is encoded.isascii()


@given(st.floats())
@example(1.5)
def test_a_short_number_is_written_or_left_alone(number: float) -> None:
    for kernel in KERNELS:
        line = kernel.Line()
        line.add("x")
        if line.add_short(number):
            assert line.to_bytes() == f"x{number}".encode()
        else:
            assert line.to_bytes() == b"x"
            assert number != 1.5 or kernel.__name__.endswith("_py")


@given(st.text(st.characters(max_codepoint=0x2030), max_size=20))
@example("plain_text-1.5/[%]")
@example("")
def test_a_plain_text_has_nothing_that_readers_look_for(text: str) -> None:
    for kernel in KERNELS:
        line = kernel.Line()
        if line.add_plain(text):
            assert not set(text) & set(" ;\"'\n\r\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
            assert line.to_bytes() == text.encode()
        else:
            assert line.to_bytes() == b""
            assert not (text.isascii() and text.isalnum())


def test_what_was_added_can_be_taken_back(kernel: Any) -> None:
    line = kernel.Line()
    assert len(line) == 0
    line.add("a=")
    before = len(line)
    line.add("1,")
    line.add("2")
    assert len(line) > before
    line.cut(before)
    assert len(line) == before
    line.cut_last()
    line.add("\n")
    assert line.to_bytes() == b"a\n"


def test_depth_counts_all_containers(kernel):
    depth = kernel.Depth(3)
    for value in (1, "a", None, [], {}, ((), [1], {"a": 2}), [[[[]]]], {"a": [({"b": 1},)]}):
        assert depth.admits(value), value
    for value in ([[[[[]]]]], {"a": [({"b": []},)]}, (1, 2, ((((),),),)), [{1: {2: {3: {}}}}]):
        assert not depth.admits(value), value
    loop = []
    loop.append(loop)
    assert not depth.admits(loop)
    assert not kernel.Depth(-1).admits([])
