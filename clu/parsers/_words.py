"""Splitting a command into words, as a POSIX shell does, in linear time."""

from __future__ import annotations

import re

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


def split_words(text: str) -> list[str]:
    """Split a command into words.

    Quotes and backslashes mean what they mean in `shlex.split`, which takes a time that grows
    with the square of the length.

    Raises
    ------
    ValueError
        If a quotation is not closed, or nothing follows the last backslash.
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
