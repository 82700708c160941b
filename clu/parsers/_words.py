"""Splitting a command into words, like a POSIX shell, and consuming them, in linear time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import overload

#: How much of a command an error quotes, in characters.
_EXCERPT = 1000

_SPECIAL = re.compile(r"[\"'\\]")
_PLAIN = re.compile(r"[^ \t\r\n]+")
# A piece of a word: bare characters, an escaped one, or a quoted string.
_PIECE = re.compile(
    r"""(?P<bare>[^ \t\r\n"'\\]+)"""
    r"""|\\(?P<escaped>.)"""
    r"""|'(?P<single>[^']*)'"""
    r'''|"(?P<double>(?:[^"\\]|\\.)*)"'''
    r"""|(?P<space>[ \t\r\n]+)""",
    re.DOTALL,
)
_ESCAPE_IN_DOUBLE = re.compile(r'\\(["\\])')


def excerpt(text: str) -> str:
    """Return a command for an error message: a very long one is truncated."""
    if len(text) <= _EXCERPT:
        return text
    return f"{text[:_EXCERPT]}… ({len(text)} characters)"


class WordQueue(Sequence[str]):
    """A list of words with removal from the front in constant time.

    It has the operations of the argument list of click's parser; with a list they take quadratic
    time.

    Parameters
    ----------
    words
        The words.
    """

    def __init__(self, words: list[str]) -> None:
        self._reversed = words[::-1]

    def __len__(self) -> int:
        return len(self._reversed)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, int):
            return self._reversed[~index]
        start, stop, step = index.indices(len(self))
        return [self._reversed[~position] for position in range(start, stop, step)]

    def __delitem__(self, index: slice) -> None:
        start, stop, _ = index.indices(len(self))
        del self._reversed[len(self) - stop : len(self) - start]

    def __radd__(self, words: list[str]) -> list[str]:
        return words + self._reversed[::-1]

    def pop(self, index: int = -1) -> str:
        """Remove and return a word."""
        return self._reversed.pop(~index)

    def insert(self, index: int, word: str) -> None:
        """Insert a word before an index."""
        self._reversed.insert(len(self) - index, word)


def split_words(text: str) -> list[str]:
    """Split a command into words.

    Quotes and backslashes have the same meaning as in `shlex.split`, which takes quadratic
    time.

    Raises
    ------
    ValueError
        If a quotation is not closed, or the command ends with a backslash.
    """
    if _SPECIAL.search(text) is None:
        return _PLAIN.findall(text)
    words: list[str] = []
    pieces: list[str] = []
    within = False
    position = 0
    while position < len(text):
        found = _PIECE.match(text, position)
        if found is None:
            raise ValueError(
                "No escaped character" if text[position] == "\\" else "No closing quotation"
            )
        position = found.end()
        kind = found.lastgroup
        if kind == "space":
            if within:
                words.append("".join(pieces))
                pieces, within = [], False
            continue
        within = True
        piece = found.group(kind or 0)
        pieces.append(_ESCAPE_IN_DOUBLE.sub(r"\1", piece) if kind == "double" else piece)
    if within:
        words.append("".join(pieces))
    return words
