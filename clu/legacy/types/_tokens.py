"""The tokens of messages. The kernel does not use them; they are for its error messages."""

from __future__ import annotations

import re

from clu._speedups.opscore import blanks_end, quoted_end, word_end

RAW_LINE = re.compile(r"\s*=(.*)")
DELIMITERS = {"=": "EQUALS", ",": "COMMA", ";": "SEMICOLON"}


class Token:
    """A token in a string."""

    def __init__(self, type: str, value: str, lexpos: int, end: int, lineno: int = 1) -> None:
        self.type = type
        self.value = value
        self.lexpos = lexpos
        self.end = end
        self.lineno = lineno

    def __repr__(self) -> str:
        return f"LexToken({self.type},{self.value!r},{self.lineno},{self.lexpos})"


def read_token(text: str, pos: int, raw: bool = False) -> Token | None:
    """Read the token at a position.

    Parameters
    ----------
    text
        The string.
    pos
        The position of the token, or of blanks before it.
    raw
        Whether the rest of the line is one token: ``=`` and anything, possibly after blanks.

    Returns
    -------
    token
        The token, or None at the end of the string. Its type is ``WORD`` for an unquoted word, and
        ``""`` if there is no valid token.
    """
    size = len(text)
    pos = pos if raw else blanks_end(text, pos, size)
    if pos == size:
        return None
    if raw:
        line = RAW_LINE.match(text, pos)
        if line is None:
            return Token("", "", pos, pos)
        return Token("LINE", line[1], pos, line.end())
    char = text[pos]
    if char in DELIMITERS:
        return Token(DELIMITERS[char], char, pos, pos + 1)
    end = quoted_end(text, pos, size) if char in "\"'" else -1
    if end > 0:
        return Token("QUOTED", text[pos + 1 : end], pos, end + 1)
    end = word_end(text, pos, size)
    return Token("WORD" if end > pos else "", text[pos:end], pos, end)
