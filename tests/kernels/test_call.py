"""The call kernel: command strings of usual calls."""

from __future__ import annotations

import itertools
import shlex
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from clu._speedups import call_py

TEXTS = st.text() | st.text(alphabet="a-'\" \\\n=é", max_size=6)
VALUES = st.one_of(
    TEXTS, st.integers(), st.floats(), st.booleans(), st.none(), st.lists(TEXTS, max_size=3)
)
CHOICES = {"dark": " --flavour dark", "light red": " --flavour 'light red'"}


def word_of(value: Any) -> str:
    if value == 13:
        raise ValueError("bad luck")
    return str(value)


def command(kernel: Any) -> Any:
    """Return ``expose [--flavour] [--note]... [--fast] --gain time [label] [count]``."""
    parameter = kernel.UsualParameter
    number = kernel.INTEGER + kernel.FLOAT
    options = [
        parameter("flavour", False, " --flavour ", kernel.STRING, texts=CHOICES),
        parameter("note", False, " --note ", kernel.STRING, multiple=True),
        parameter("fast", False, "", kernel.BOOLEAN, texts={True: " --fast", False: ""}),
        parameter("gain", True, " --gain ", number + kernel.STRING, word=word_of),
    ]
    arguments = [
        parameter("time", True, " ", number, limits=(0, 3600)),
        parameter("label", False, " ", kernel.STRING),
        parameter("count", False, " ", kernel.INTEGER, limits=(-5, 5)),
    ]
    return kernel.UsualCall("expose", options, arguments, 3)


@given(TEXTS)
def test_a_word_is_quoted_as_shlex_does(kernel: Any, word: str) -> None:
    assert kernel.quoted(word) == shlex.quote(word)


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((900,), {"gain": 2}, "expose --gain 2 900"),
        ((), {"gain": 2.5, "time": 0.5}, "expose --gain 2.5 0.5"),
        ((3600, "a b", 5), {"gain": "it's"}, "expose --gain 'it'\"'\"'s' 3600 'a b' 5"),
        ((1,), {"gain": "", "flavour": "light red"}, "expose --flavour 'light red' --gain '' 1"),
        ((1,), {"gain": 1, "note": ["a", "b"]}, "expose --note a --note b --gain 1 1"),
        ((1,), {"fast": True, "gain": 1, "note": ("a",)}, "expose --note a --fast --gain 1 1"),
        ((1, None, None), {"gain": 1, "fast": False}, "expose --gain 1 1"),
    ],
)
def test_the_string_of_a_usual_call(
    kernel: Any, args: tuple[Any, ...], kwargs: dict[str, Any], text: str
) -> None:
    assert command(kernel).command_string(args, kwargs) == text


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        pytest.param((1,), {}, id="a required option is missing"),
        pytest.param((), {"gain": 1}, id="a required argument is missing"),
        pytest.param((1, "a", 2, 3), {"gain": 1}, id="too many arguments"),
        pytest.param((1,), {"gain": 1, "time": 2}, id="an argument is given twice"),
        pytest.param((1,), {"gain": 1, "other": 2}, id="an unknown name"),
        pytest.param((1,), {"gain": 1, "flavour": None}, id="None"),
        pytest.param((1, None, 3), {"gain": 1}, id="a gap between arguments"),
        pytest.param((1,), {"gain": 1, "count": 3}, id="a gap before a named one"),
        pytest.param((1,), {"gain": 1, "flavour": "red"}, id="no choice"),
        pytest.param((1,), {"gain": 1, "flavour": 1}, id="a choice of another type"),
        pytest.param((1,), {"gain": 1, "note": "a"}, id="no list"),
        pytest.param((1,), {"gain": 1, "note": []}, id="an empty list"),
        pytest.param((1,), {"gain": 1, "note": ["a", 1]}, id="a list with another type"),
        pytest.param((1,), {"gain": 1, "note": ["-a"]}, id="a hyphen"),
        pytest.param((1,), {"gain": 1, "note": ["é"]}, id="not ASCII"),
        pytest.param((1,), {"gain": 1, "fast": 1}, id="no boolean"),
        pytest.param((1,), {"gain": 13}, id="a word that is refused"),
        pytest.param((1,), {"gain": -1}, id="a negative word"),
        pytest.param((1, "a", -1), {"gain": 1}, id="a negative number"),
        pytest.param((3601,), {"gain": 1}, id="above the range"),
        pytest.param((-1,), {"gain": 1}, id="below the range"),
        pytest.param((float("nan"),), {"gain": 1}, id="not a number"),
        pytest.param((True,), {"gain": 1}, id="a boolean as a number"),
        pytest.param(("1",), {"gain": 1}, id="a string as a number"),
    ],
)
def test_other_calls_have_no_string(
    kernel: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    assert command(kernel).command_string(args, kwargs) is None


def test_subclasses_of_usual_types_are_not_usual(kernel: Any) -> None:
    class Text(str):
        pass

    class Number(int):
        pass

    assert command(kernel).command_string((1,), {"gain": Text("a")}) is None
    assert command(kernel).command_string((Number(1),), {"gain": 1}) is None


#: Calls of anything, and calls with values that the parameters take, of which most have a string.
ANY_CALLS = st.tuples(
    st.lists(VALUES, max_size=4).map(tuple),
    st.dictionaries(
        st.sampled_from(["flavour", "note", "fast", "gain", "time", "label", "count", "x"]), VALUES
    ),
)
WORDS = st.text(alphabet="ab1'\" \\\n\t=;$#", max_size=6)
LIKELY_CALLS = st.tuples(
    st.just(()),
    st.fixed_dictionaries(
        {"gain": WORDS | st.integers(0), "time": st.integers(0, 3600) | st.floats(0, 3600)},
        optional={
            "flavour": st.sampled_from(sorted(CHOICES)),
            "note": st.lists(WORDS, min_size=1, max_size=3),
            "fast": st.booleans(),
            "label": WORDS,
            "count": st.integers(0, 5),
        },
    ),
)


@given(ANY_CALLS | LIKELY_CALLS)
def test_both_builds_agree_and_what_they_write_can_be_read_back(
    kernel: Any, call: tuple[tuple[Any, ...], dict[str, Any]]
) -> None:
    args, kwargs = call
    text = command(kernel).command_string(args, kwargs)
    assert text == command(call_py).command_string(args, kwargs)
    if text is not None:
        words = shlex.split(text)[1:]
        several = [value if isinstance(value, list) else [value] for value in kwargs.values()]
        values = [*args, *itertools.chain(*several)]
        meant = [str(value) for value in values if value is not None and type(value) is not bool]
        assert sorted(meant) == sorted(word for word in words if not word.startswith("--"))
