"""The parsers of the opscore protocol: replies from the hub and from actors, and commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from clu._speedups.opscore import Scanner, name_end
from clu.legacy.types._tokens import Token, read_token
from clu.legacy.types.messages import (
    ActorReplyHeader,
    Command,
    Keyword,
    Keywords,
    MessageError,
    RawKeyword,
    Reply,
    ReplyHeader,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ActorReplyParser", "CommandParser", "ParseError", "ParserBase", "ReplyParser"]


class ParseError(Exception):
    """A string that is not a valid message."""


class ParserBase:
    """The base class of the parsers.

    Parameters
    ----------
    debug
        Kept for compatibility.
    """

    tokens = ["EQUALS", "COMMA", "VALUE", "NAME_OR_VALUE", "QUOTED"]
    string: str

    def __init__(self, debug: int = 0) -> None:
        self.debug = debug

    def parse(self, string: str) -> Any:
        """Parse a string into a message.

        Raises
        ------
        ParseError
            If the string is not a valid message.
        """
        raise NotImplementedError

    def tokenize(self, string: str) -> Iterator[Token]:
        """Split the body of a message into tokens.

        Raises
        ------
        ParseError
            If there is no valid token.
        """
        text = str.__str__(string)
        token = self._token(text, 0)
        while token is not None:
            yield token
            token = self._token(text, token.end, token.type)

    def word_token(self, t: Token) -> Token:
        """Set the type of a token that is an unquoted word."""
        word, size = str.__str__(t.value), len(t.value)
        t.type = "NAME_OR_VALUE" if size and name_end(word, 0, size) == size else "VALUE"
        return t

    def _token(self, text: str, pos: int, previous: str = "") -> Token | None:
        """Read the token at a position, or None at the end."""
        token = read_token(text, pos, previous == "RAW")
        if token is not None and token.type == "WORD":
            token = self.word_token(token)
        if token is not None and token.type not in self.tokens:
            raise ParseError(f"Lexical analysis error at {text[token.lexpos :][:20]!r}")
        return token

    @classmethod
    def _failure(cls, reason: str, text: str, pos: int) -> ParseError:
        """Return the error of a token parser for the position at which the kernel stopped."""
        try:
            token = cls._token(cls(), text, pos, "RAW" if reason == "raw" else "")
        except ParseError as error:
            return error
        if token is None:
            return ParseError("Unexpected end of input")
        if reason == "reserved":
            return ParseError(f'keyword "{token.value}" is reserved')
        value = token.value[:20]
        return ParseError(f"Unexpected {token.type} parse token ({value!r}) in:\n{text}")


class ReplyParser(ParserBase):
    """Parses the lines that a hub sends to its clients."""

    tokens = [*ParserBase.tokens, "SEMICOLON"]

    _name = r"(?:[A-Za-z][A-Za-z0-9_]*)"
    _extra = r"(?:\.[A-Za-z][A-Za-z0-9_.]*)"
    _number = r"0|[1-9][0-9]*"

    hdr_pattern = re.compile(
        rf"({_name}?)\.({_name})({_extra}?)[ \t]+({_number})[ \t]+({_name})[ \t]+(.)[ \t]+"
    )
    """The pattern of a header; the parser itself uses no regular expressions."""

    header: ReplyHeader | ActorReplyHeader

    def parse(self, string: str) -> Reply:
        """Parse a line into a reply."""
        self.string = string
        return _REPLIES.hub_reply(string, ReplyHeader, _REPLY_CODES)  # type: ignore[return-value]

    def unwrap(self) -> str:
        """Parse the header of the current line into ``header``; return the rest of the line."""
        text, header = str.__str__(self.string), ReplyHeader.__new__(ReplyHeader)
        end = _REPLIES.hub_header(text, header, _REPLY_CODES)
        self.header = header
        return text[end:]

    @classmethod
    def _failure(cls, reason: str, text: str, pos: int) -> ParseError:
        if reason not in ("header", "code"):
            return super()._failure(reason, text, pos)
        # The pattern accepts one of three blanks as a code.
        found = cls.hdr_pattern.match(text)
        code = found[found.lastindex or 0] if found else ""
        if reason == "code" or code.isspace():
            return ParseError(f"Invalid reply header code: {code}")
        return ParseError(f"Badly formed reply header in: {text}")


class ActorReplyParser(ReplyParser):
    """Parses the lines that an actor sends to the hub."""

    hdr_pattern = re.compile(
        rf"({ReplyParser._number})[ \t]+({ReplyParser._number})[ \t]+(.)[ \t]+"
    )

    def parse(self, string: str) -> Reply:
        """Parse a line into a reply."""
        self.string = string
        return _ACTOR_REPLIES.actor_reply(string, ActorReplyHeader, _ACTOR_CODES)  # type: ignore[return-value]

    def unwrap(self) -> str:
        """Parse the header of the current line into ``header``; return the rest of the line."""
        text, header = str.__str__(self.string), ActorReplyHeader.__new__(ActorReplyHeader)
        end = _ACTOR_REPLIES.actor_header(text, header, _ACTOR_CODES)
        self.header = header
        return text[end:]


class CommandParser(ParserBase):
    """Parses commands."""

    tokens = [*ParserBase.tokens, "RAW", "LINE"]
    states = (("RAW", "exclusive"),)

    def parse(self, string: str) -> Command:
        """Parse a string into a command."""
        self.string = string
        text, verb, values, found, raw = _COMMANDS.command(string)
        keywords: list[Any] = [*found]
        if raw is not None:
            keywords.append(RawKeyword(raw))
        try:
            return Command(verb, values, keywords, text)
        except MessageError as error:
            raise ParseError(str(error)) from None

    def unwrap(self) -> str:
        """Return the current string: a command has no header."""
        return self.string

    def word_token(self, t: Token) -> Token:
        """Set the type of a token that is an unquoted word."""
        super().word_token(t)
        if t.value.lower() == "raw":
            t.type = "RAW"
        return t


def _letters(codes: Any) -> dict[str, Any]:
    return {letter: codes(label) for label in codes.enumLabels for letter in (label, label.lower())}


_REPLY_CODES = _letters(ReplyHeader.MsgCode)
_ACTOR_CODES = _letters(ActorReplyHeader.MsgCode)
_REPLIES = Scanner(Reply, Keywords, Keyword, ReplyParser._failure)
_ACTOR_REPLIES = Scanner(Reply, Keywords, Keyword, ActorReplyParser._failure)
_COMMANDS = Scanner(Reply, Keywords, Keyword, CommandParser._failure)
