"""Call kernel: the command strings of calls of remote commands, the source of both builds.

A call passes through a broker before the next one is made, so that the caches of the processor hold
little of what it takes: it counts how much code is touched. So the string is made in one pass for
the values that are usual. For all others there is none, and the caller looks closer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: The types of usual values, of which a parameter can have several. They run no code of users.
STRING, INTEGER, FLOAT, BOOLEAN = 1, 2, 4, 8
#: The characters of words that need no quotes.
_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-"


def quoted(word: str) -> str:
    """Return what `shlex.quote` does."""
    for character in word:
        if character not in _PLAIN:
            break
    else:
        if word:
            return word
    if "'" in word:
        word = word.replace("'", "'\"'\"'")
    return f"'{word}'"


class UsualParameter:
    """What a parameter adds to a command string.

    Parameters
    ----------
    name
        The identifier of the parameter.
    required
        Whether it must be given.
    before
        What comes before the word of a value: a space, and the option if there is one.
    kinds
        The types of usual values, added up.
    texts
        All that is added, by the values. For parameters with few values.
    limits
        The lowest and the highest of usual numbers.
    word
        A function that returns the word for a value. It may raise a ``TypeError`` or a
        ``ValueError``. Strings need none.
    multiple
        Whether a value is a list or tuple of several.
    """

    def __init__(
        self,
        name: str,
        required: bool,
        before: str,
        kinds: int,
        *,
        texts: dict[Any, str] | None = None,
        limits: tuple[Any, Any] | None = None,
        word: Callable[[Any], str] | None = None,
        multiple: bool = False,
    ) -> None:
        self.name = name
        self.required = required
        self.before = before
        self.kinds = kinds
        self.texts = texts
        self.low: Any = None
        self.high: Any = None
        if limits is not None:
            self.low, self.high = limits
        self.word = word
        self.multiple = multiple

    def added(self, text: str, value: Any) -> str | None:
        """Return a string with what is added for a value, or None if the value is not usual."""
        if not self.multiple:
            return self.added_one(text, value)
        if (type(value) is not list and type(value) is not tuple) or not value:
            return None
        for item in value:
            longer = self.added_one(text, item)
            if longer is None:
                return None
            text = longer
        return text

    def added_one(self, text: str, value: Any) -> str | None:
        """Return a string with what is added for one value, or None if the value is not usual."""
        if not self.kinds & kind_of(value):
            return None
        if self.texts is not None:
            piece = self.texts.get(value)
            return None if piece is None else text + piece
        if self.low is not None:
            if not self.low <= value <= self.high:
                return None
            word = repr(value)
            return None if word[0] == "-" else f"{text}{self.before}{word}"
        if self.word is None:
            word = value
        else:
            try:
                word = self.word(value)
            except (TypeError, ValueError):
                return None
        # A hyphen begins an option, and what is not ASCII may not be encodable.
        if word.startswith("-") or not word.isascii():
            return None
        return f"{text}{self.before}{quoted(word)}"


def kind_of(value: Any) -> int:
    """Return which of the types of usual values this one has, or 0."""
    if type(value) is str:
        return STRING
    if type(value) is int:
        return INTEGER
    if type(value) is float:
        return FLOAT
    return BOOLEAN if type(value) is bool else 0


class UsualCall:
    """Makes the command strings of a command.

    Parameters
    ----------
    path
        The name of the command, with those of the groups before it.
    options
        Its options.
    arguments
        Its arguments, in order.
    positional
        How many arguments may be given without a name.
    """

    def __init__(
        self,
        path: str,
        options: list[UsualParameter],
        arguments: list[UsualParameter],
        positional: int,
    ) -> None:
        self.path = path
        self.options = options
        self.arguments = arguments
        self.positional = positional

    def command_string(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """Return the command string for the arguments of a call, or None to look closer at them."""
        text = self.path
        left = len(kwargs)
        for parameter in self.options:
            value = kwargs.get(parameter.name)
            if value is not None:
                longer = parameter.added(text, value)
                if longer is None:
                    return None
                text = longer
                left -= 1
            elif parameter.required:
                return None
        given = len(args)
        if given > self.positional:
            return None
        has_gap = False
        for place, parameter in enumerate(self.arguments):
            is_named = place >= given
            value = kwargs.get(parameter.name) if is_named else args[place]
            if value is not None:
                longer = None if has_gap else parameter.added(text, value)
                if longer is None:
                    return None
                text = longer
                left -= is_named
            elif parameter.required:
                return None
            else:
                has_gap = True
        # What is left has an unknown name, or is given twice.
        return None if left else text
