"""The tokens of messages. The kernel needs none; they explain where it stopped."""

from __future__ import annotations

import re

DELIMITERS = {"=": "EQUALS", ",": "COMMA", ";": "SEMICOLON"}
BLANKS = re.compile(r"[ \t]*")
WORD = re.compile(r"""[^\s"'=,;]+""")
QUOTED = {quote: re.compile(rf"{quote}((?:[^\\{quote}\n]|\\[^\n])*){quote}") for quote in "\"'"}


class Token:
    """A piece of a text."""

    def __init__(self, type: str, value: str, lexpos: int, end: int, lineno: int = 1) -> None:  # noqa: A002
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
        The text.
    pos
        The position, which may be that of blanks before the token.
    raw
        Whether the rest of the line is one token, which must begin with ``=``.

    Returns
    -------
    token
        None at the end of the text. Its type is ``WORD`` for a word without quotes, and ``""``
        where there is no token.
    """
    if raw:
        if pos == len(text):
            return None
        end = text.find("\n", pos)
        end = len(text) if end < 0 else end
        if text[pos] == "=":
            return Token("LINE", text[pos + 1 : end], pos, end)
        return Token("", "", pos, pos)
    pos = BLANKS.match(text, pos).end()  # type: ignore[union-attr]
    if pos == len(text):
        return None
    char = text[pos]
    if char in DELIMITERS:
        return Token(DELIMITERS[char], char, pos, pos + 1)
    quoted = QUOTED[char].match(text, pos) if char in QUOTED else None
    if quoted is not None:
        return Token("QUOTED", quoted[1], pos, quoted.end())
    word = WORD.match(text, pos)
    if word is None:
        return Token("", "", pos, pos)
    return Token("WORD", word[0], pos, word.end())
