"""The messages of the opscore protocol: keywords, replies, commands and their headers.

It is over 400 lines since the recorded API has all these classes in one module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from clu._speedups.copying import reduced
from clu._speedups.opscore import (
    ActorReplyHeaderBase,
    KeywordBase,
    KeywordsBase,
    ReplyBase,
    ReplyHeaderBase,
)
from clu.legacy.types import types
from clu.legacy.types._canonical import NAME, UNQUOTED, canonical_strings

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ActorReplyHeader",
    "Canonized",
    "Command",
    "CommandHeader",
    "Keyword",
    "Keywords",
    "MessageError",
    "RawKeyword",
    "Reply",
    "ReplyHeader",
    "Values",
]

C = TypeVar("C", bound="Canonized")


class MessageError(Exception):
    """A message that is not valid."""


class Canonized:
    """An object with a canonical string; objects with the same string are equal."""

    def canonical(self) -> str:
        """Return the canonical string, which can be parsed."""
        raise NotImplementedError

    def tokenized(self) -> str:
        """Return the canonical string with tokens instead of names and values."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Canonized):
            return NotImplemented
        return self.canonical() == other.canonical()

    __hash__ = None  # type: ignore[assignment]  # they can be changed


class _Copied(Canonized):
    """An object that can be copied field by field."""

    _fields: ClassVar[tuple[str, ...]] = ()

    def clone(self: C) -> C:
        """Return a copy."""
        cls = type(self)
        twin: Any = cls.__new__(cls)
        twin.copy(self)
        return twin  # type: ignore[no-any-return]

    def copy(self, other: Any) -> None:
        """Copy the content of another object."""
        for name in self._fields:
            value = getattr(other, name)
            if isinstance(value, _Copied):
                value = value.clone()
            elif isinstance(value, Values):
                value = Values(value)
            setattr(self, name, value)

    def __reduce__(self) -> Any:
        return reduced(self, self._fields)


class Values(list[Any], Canonized):
    """The values of a keyword or a command: strings, or typed values after a key consumed them."""

    unquoted = UNQUOTED
    """The pattern of strings that need no quotes."""

    def canonical(self) -> str:
        return ",".join(text for value in self for text in canonical_strings(value))

    def tokenized(self) -> str:
        return ",".join("123" for _ in self)


class Keyword(KeywordBase, _Copied):
    """A name with values.

    Parameters
    ----------
    name
        The name; not ``raw``.
    values
        The values, if any.
    """

    _fields = ("name", "values", "matched")

    def __init__(self, name: str, values: Iterable[Any] | None = None) -> None:
        if name.lower() == "raw":
            raise MessageError(f'keyword "{name}" is reserved')
        self.name = name
        self.values = Values() if values is None else Values(values)
        self.matched = False

    @property
    def values(self) -> Values:
        """The values, as `Values`."""
        raw = self._raw
        if raw is not None:
            self._values = Values(raw)
            self._raw = None
        return self._values  # type: ignore[no-any-return]

    @values.setter
    def values(self, values: Values) -> None:
        self._values = values
        self._raw = None

    def canonical(self) -> str:
        return (
            f"{self.name.lower()}={self.values.canonical()}" if self.values else self.name.lower()
        )

    def tokenized(self) -> str:
        return f"KEY={self.values.tokenized()}" if self.values else "KEY"

    def __repr__(self) -> str:
        text = f"KEY({self.name})={self.values!r}"
        return f"{{{text}}}" if self.matched else text

    def __getitem__(self, ii: Any) -> Any:
        return self.values[ii]


class RawKeyword(Keyword):
    """The unparsed rest of a command line.

    Parameters
    ----------
    line
        The string after ``raw=``.
    """

    def __init__(self, line: str) -> None:
        self.name = "raw"
        self.values = Values([line])
        self.matched = False

    def canonical(self) -> str:
        return f"raw={self.values[0]}"

    def tokenized(self) -> str:
        return "RAW=LINE"

    def __repr__(self) -> str:
        return f"RAW{super().__repr__()}"


class Keywords(KeywordsBase, _Copied):
    """The keywords of a message: a list that can also be indexed by name, ignoring case."""

    def canonical(self, delimiter: str) -> str:  # type: ignore[override]
        return delimiter.join(keyword.canonical() for keyword in self)

    def tokenized(self, delimiter: str) -> str:  # type: ignore[override]
        return delimiter.join(keyword.tokenized() for keyword in self)

    def copy(self, other: Keywords) -> None:  # type: ignore[override]
        """Copy the keywords of another list."""
        self[:] = [keyword.clone() for keyword in other]

    def __reduce__(self) -> Any:
        return *super().__reduce__(), iter(self)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            keyword = self.get(index)
            if keyword is None:
                raise KeyError(index)
            return keyword
        if isinstance(index, (int, slice)):
            return super().__getitem__(index)
        raise TypeError("Keywords index must be integer or string")

    def get(self, name: str, default: Any = None) -> Any:
        """Return the first keyword with a name, ignoring case, or a default."""
        lower = name.lower() if isinstance(name, str) else name
        for keyword in self:
            if keyword.name.lower() == lower:
                return keyword
        return default

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            raise TypeError("Keyword names must be strings")
        return self.get(name) is not None


class Command(_Copied):
    """A verb with values and keywords.

    Parameters
    ----------
    name
        The verb, without dots; not ``raw``.
    values
        The values of the verb, if any.
    keywords
        The keywords, if any.
    string
        The string that was parsed, if any.
    """

    _fields = ("name", "values", "keywords", "string")

    def __init__(
        self,
        name: str,
        values: Iterable[Any] | None = None,
        keywords: Iterable[Keyword] | None = None,
        string: str | None = None,
    ) -> None:
        if "." in name:
            raise MessageError(f"name '{name}' contains an illegal dot (.) character.")
        if name.lower() == "raw":
            raise MessageError(f'name cannot be "{name}"')
        self.name = name
        self.values = Values() if values is None else Values(values)
        self.keywords = Keywords() if keywords is None else Keywords(keywords)
        self.string = string

    def canonical(self) -> str:
        values = [text for value in self.values for text in canonical_strings(value)]
        if values and NAME.match(values[0]) and not (values[1:] and NAME.match(values[1])):
            values[0] = f'"{values[0]}"'  # unquoted it would be a keyword, or need another value
        parts = (self.name.lower(), ",".join(values), self.keywords.canonical(" "))
        return " ".join(filter(None, parts))

    def tokenized(self) -> str:
        return " ".join(
            filter(None, ("VERB", self.values.tokenized(), self.keywords.tokenized(" ")))
        )

    def __repr__(self) -> str:
        return f"CMD({self.name!r}={self.values!r};{self.keywords!r})"


class CommandHeader(_Copied):
    """The header of a command from the hub.

    Parameters
    ----------
    cmdrName
        The sender of the command.
    mid
        The number of the command.
    actor
        The actor that is to run it.
    """

    _fields = ("cmdrName", "mid", "actor")

    def __init__(self, cmdrName: str, mid: int, actor: str) -> None:
        self.cmdrName = cmdrName
        self.mid = mid
        self.actor = actor

    @property
    def program(self) -> str:
        """The program of the commander."""
        return self.cmdrName.split(".")[0]

    def canonical(self) -> str:
        return f"{self.cmdrName} {self.mid} {self.actor}"

    def tokenized(self) -> str:
        return f"prog.user 123 actor {self.actor}"

    def __repr__(self) -> str:
        return f"CommandHeader({self.cmdrName},{self.mid},{self.actor})"


def _make_codes() -> types.Enum:
    codes: types.Enum = types.Enum(
        *">DIWE:F!",
        labelHelp=[
            "Queued",
            "Debug",
            "Information",
            "Warning",
            "Error",
            "Finished",
            "Error",
            "Fatal",
        ],
        name="code",
        help="Reply header status code",
    )
    return codes


def _code(codes: types.Enum, code: Any) -> Any:
    try:
        return codes(code)
    except ValueError:
        raise MessageError(f"Invalid reply header code: {code}") from None


class ReplyHeader(ReplyHeaderBase, _Copied):
    """The header of a reply from the hub.

    Parameters
    ----------
    program, user, actorStack
        The sender of the command, and the actors that relayed it.
    commandId
        The number of the command.
    actor
        The actor that replies.
    code
        The message code.
    """

    _fields = ("program", "user", "actorStack", "cmdrName", "commandId", "actor", "code")
    MsgCode = _make_codes()

    def __init__(
        self, program: str, user: str, actorStack: str, commandId: int, actor: str, code: Any
    ) -> None:
        self.program = program
        self.user = user
        self.actorStack = actorStack
        self.cmdrName = f"{program}.{user}{actorStack}"
        self.commandId = int(commandId)
        self.actor = actor
        self.code = _code(self.MsgCode, code)

    def canonical(self) -> str:
        who = f"{self.program}.{self.user}{self.actorStack}"
        return f"{who} {self.commandId} {self.actor} {self.code}"

    def tokenized(self) -> str:
        return f"prog.user 123 actor {self.code}"

    def __repr__(self) -> str:
        return f"HDR({self.program},{self.user},{self.commandId},{self.actor},{self.code})"


class ActorReplyHeader(ActorReplyHeaderBase, _Copied):
    """The header of a reply from an actor.

    Parameters
    ----------
    commandId
        The number of the command.
    userId
        The user who sent it.
    code
        The message code.
    """

    _fields = ("commandId", "userId", "code")
    MsgCode = _make_codes()

    def __init__(self, commandId: int, userId: int, code: Any) -> None:
        self.commandId = int(commandId)
        self.userId = int(userId)
        self.code = _code(self.MsgCode, code)

    def canonical(self) -> str:
        return f"{self.commandId} {self.userId} {self.code}"

    def tokenized(self) -> str:
        return f"123 1 {self.code}"

    def __repr__(self) -> str:
        return f"ACTHDR({self.commandId},{self.userId},{self.code})"


class Reply(ReplyBase, _Copied):
    """A header with keywords.

    Parameters
    ----------
    header
        The header.
    keywords
        The keywords.
    string
        The string that was parsed, if any.
    """

    _fields = ("header", "keywords", "string")

    def __init__(self, header: Any, keywords: Iterable[Keyword], string: str | None = None) -> None:
        self.header = header
        self.keywords = Keywords(keywords)
        self.string = string

    def canonical(self) -> str:
        return f"{self.header.canonical()} {self.keywords.canonical(';')}"

    def tokenized(self) -> str:
        return f"{self.header.tokenized()} {self.keywords.tokenized(';')}"

    def __repr__(self) -> str:
        return f"REPLY({self.header!r},{self.keywords!r})"
