"""Words of a command."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu.parsers._words import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("goto 1 -2.5", ["goto", "1", "-2.5"]),
        ("  a\t b\r\n", ["a", "b"]),
        ("say 'hello there' \"you two\"", ["say", "hello there", "you two"]),
        (r"a\ b", ["a b"]),
        (r'"a\"b" "c\d"', ['a"b', r"c\d"]),
        ("a''b ''", ["ab", ""]),
        ("", []),
    ],
)
def test_words_are_split_as_in_a_shell(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize("text", ['"open', "it's", 'a "b\\"', "end\\"])
def test_an_unfinished_command_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"No (closing quotation|escaped character)"):
        split_words(text)


@given(st.text(alphabet="ab \t\n\r'\"\\#\u00a0é", max_size=30))
def test_words_are_those_of_shlex(text: str) -> None:
    try:
        expected: list[str] | None = shlex.split(text)
    except ValueError:
        expected = None
    try:
        words: list[str] | None = split_words(text)
    except ValueError:
        words = None
    assert words == expected


@pytest.mark.endurance
@pytest.mark.parametrize("piece", ["a", "a ", "'a b' ", '"a\\"" ', "\\a", "''", '"'])
def test_long_commands_need_no_more_than_linear_time(piece: str) -> None:
    # A quadratic splitter would take minutes here, and run into the test's timeout.
    text = piece * (4_000_000 // len(piece))
    try:
        words = split_words(text)
    except ValueError:
        return
    assert words
