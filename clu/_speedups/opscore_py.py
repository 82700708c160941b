# cython: annotation_typing=False, auto_pickle=False, wraparound=False
"""Opscore kernel: lines into messages, raw values into typed ones; the source of both builds.

One pass over the text, index by index, makes a message: no tokens, no regular expressions, no
recursion. The time depends on the length of a line and on nothing else. One source, however long:
the compiler inlines what is in the same module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Longer numbers are not command ids, and int() takes quadratic time for them.
MAX_DIGITS = 4300

# How deep tuples may be nested: C has no recursion limit of its own.
MAX_DEPTH = 500

INFINITY = float("inf")
NAN = float("nan")

# Cython reads a float in its own way, with error messages of its own.
read_float = float

# That of dict: the one of the model ignores case, which is slower.
lookup = dict.get

# Some optimisations pay off only when they are compiled.
COMPILED = __file__.endswith((".so", ".pyd"))


class KeywordBase:
    """Holds a keyword. ``_raw`` are values that were not accessed yet, as a plain list."""

    __slots__ = ("_raw", "_values", "matched", "name")

    if TYPE_CHECKING:
        _raw: list[Any] | None
        _values: Any
        matched: bool
        name: str


class KeywordsBase(list[Any]):
    """Holds the keywords of a message."""

    __slots__ = ()


class ReplyHeaderBase:
    """Holds the header that the hub puts before a reply."""

    __slots__ = ("actor", "actorStack", "cmdrName", "code", "commandId", "program", "user")

    if TYPE_CHECKING:
        actor: str
        actorStack: str
        cmdrName: str
        code: Any
        commandId: int
        program: str
        user: str


class ActorReplyHeaderBase:
    """Holds the header that an actor puts before a reply."""

    __slots__ = ("code", "commandId", "userId")

    if TYPE_CHECKING:
        code: Any
        commandId: int
        userId: int


class ReplyBase:
    """Holds a reply."""

    __slots__ = ("header", "keywords", "string")

    if TYPE_CHECKING:
        header: Any
        keywords: Any
        string: str | None


def check_class(cls: object, base: type) -> None:
    """Refuse what has no instances of a base: to make one, C calls what other types lack."""
    if not isinstance(cls, type) or not issubclass(cls, base):
        raise TypeError(f"{cls!r} is no class that derives from {base.__name__}")


def _exact(string: str) -> str:
    """Return a string without trailing newlines, as a ``str`` and not a subclass."""
    if type(string) is not str:
        if not isinstance(string, str):
            raise TypeError(f"a line must be a str, not {type(string).__name__}")
        string = str.__str__(string)
    end = len(string)
    while end > 0 and string[end - 1] == "\n":
        end -= 1
    return string if end == len(string) else string[:end]


def blanks_end(text: str, pos: int, end: int) -> int:
    """Return where spaces and tabs end."""
    while pos < end and text[pos] in " \t":
        pos += 1
    return pos


def _digits_end(text: str, pos: int, end: int) -> int:
    """Return the end of a number without leading zeros, or ``pos`` if there is none."""
    start = pos
    while pos < end and text[pos] in "0123456789":
        pos += 1
    if pos - start > 1 and (text[start] == "0" or pos - start > MAX_DIGITS):
        return start
    return pos


def _integer(text: str, start: int, end: int) -> int:
    """Return the number whose digits were found."""
    if COMPILED and end - start <= 18:
        number = 0
        for pos in range(start, end):
            number = number * 10 + (ord(text[pos]) - 48)
        return number
    return int(text[start:end])


def _plain_name_end(text: str, pos: int, end: int) -> int:
    """Return the end of a name without dots, or ``pos`` if there is none."""
    if pos < end and text[pos] in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
        while (
            pos < end
            and text[pos] in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
        ):
            pos += 1
    return pos


def name_end(text: str, pos: int, end: int) -> int:
    """Return the end of a name that may have dots, or ``pos`` if there is none."""
    if pos < end and text[pos] in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
        while (
            pos < end
            and text[pos] in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."
        ):
            pos += 1
    return pos


def word_end(text: str, pos: int, end: int) -> int:
    """Return the end of an unquoted word, or ``pos`` if there is none.

    The characters that end it are quotes, the delimiters and what ``str.isspace`` accepts.
    """
    while pos < end and text[pos] not in (
        "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \"',;=\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005"
        "\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
    ):
        pos += 1
    return pos


def quoted_end(text: str, pos: int, end: int) -> int:
    """Return the position of the quote that closes the one at ``pos``, or -1."""
    quote = text[pos]
    pos += 1
    while pos < end:
        char = text[pos]
        if char == quote:
            return pos
        if char == "\n":
            return -1
        if char == "\\":
            pos += 1
            if pos < end and text[pos] == "\n":
                return -1
        pos += 1
    return -1


def _is_raw(text: str, start: int, end: int) -> bool:
    return end == start + 3 and text[start:end].lower() == "raw"


class Scanner:
    """Scans lines into messages of the classes that it is given.

    Parameters
    ----------
    reply, keywords, keyword
        The classes to make, which derive from the bases here and are not called.
    failure
        Called with ``"header"``, ``"code"``, ``"token"`` or ``"reserved"``, the text, and the
        position where that was met; returns the exception to raise.
    """

    __slots__ = ("_failure", "_header", "_keyword", "_keywords", "_reply")

    def __init__(
        self,
        reply: type[ReplyBase],
        keywords: type[KeywordsBase],
        keyword: type[KeywordBase],
        failure: Callable[[str, str, int], Exception],
    ) -> None:
        check_class(reply, ReplyBase)
        check_class(keywords, KeywordsBase)
        check_class(keyword, KeywordBase)
        self._reply = reply
        self._keywords = keywords
        self._keyword = keyword
        self._failure = failure
        self._header: Any = None

    def hub_header(self, text: str, header: ReplyHeaderBase, codes: dict[str, Any]) -> int:
        """Scan the header of a reply from the hub: ``program.user.stack id actor code``.

        Parameters
        ----------
        text
            The line.
        header
            The header to fill.
        codes
            The message codes by their letters.

        Returns
        -------
        end
            Where the keywords begin.
        """
        end = len(text)
        dot = _plain_name_end(text, 0, end)
        if dot == end or text[dot] != ".":
            raise self._failure("header", text, 0)
        user = _plain_name_end(text, dot + 1, end)
        stack = user
        if user > dot + 1 and user < end and text[user] == ".":
            stack = name_end(text, user + 1, end)
        number = blanks_end(text, stack, end)
        digits = _digits_end(text, number, end)
        actor = blanks_end(text, digits, end)
        name = _plain_name_end(text, actor, end)
        code = blanks_end(text, name, end)
        body = blanks_end(text, code + 1, end)
        if (
            user == dot + 1
            or stack == user + 1
            or number == stack
            or digits == number
            or actor == digits
            or name == actor
            or code == name
            or body <= code + 1
            or text[code] == "\n"
        ):
            raise self._failure("header", text, 0)
        status = codes.get(text[code])
        if status is None:
            raise self._failure("code", text, code)
        header.program = text[:dot]
        header.user = text[dot + 1 : user]
        header.actorStack = text[user:stack]
        header.cmdrName = text[:stack]
        header.commandId = _integer(text, number, digits)
        header.actor = text[actor:name]
        header.code = status
        return body

    def actor_header(self, text: str, header: ActorReplyHeaderBase, codes: dict[str, Any]) -> int:
        """Scan the header of a reply from an actor: ``command_id user_id code``.

        Parameters and result are those of `hub_header`.
        """
        end = len(text)
        command = _digits_end(text, 0, end)
        number = blanks_end(text, command, end)
        user = _digits_end(text, number, end)
        code = blanks_end(text, user, end)
        body = blanks_end(text, code + 1, end)
        if (
            command == 0
            or number == command
            or user == number
            or code == user
            or body <= code + 1
            or text[code] == "\n"
        ):
            raise self._failure("header", text, 0)
        status = codes.get(text[code])
        if status is None:
            raise self._failure("code", text, code)
        header.commandId = _integer(text, 0, command)
        header.userId = _integer(text, number, user)
        header.code = status
        return body

    def hub_reply(
        self, string: str, header_class: type[ReplyHeaderBase], codes: dict[str, Any]
    ) -> ReplyBase:
        """Scan a line from the hub into a reply."""
        text = _exact(string)
        if header_class is not self._header:
            check_class(header_class, ReplyHeaderBase)
            self._header = header_class
        header = header_class.__new__(header_class)
        return self._make_reply(text, header, self.hub_header(text, header, codes))

    def actor_reply(
        self, string: str, header_class: type[ActorReplyHeaderBase], codes: dict[str, Any]
    ) -> ReplyBase:
        """Scan a line from an actor into a reply."""
        text = _exact(string)
        if header_class is not self._header:
            check_class(header_class, ActorReplyHeaderBase)
            self._header = header_class
        header = header_class.__new__(header_class)
        return self._make_reply(text, header, self.actor_header(text, header, codes))

    def _make_reply(self, text: str, header: object, pos: int) -> ReplyBase:
        cls = self._reply
        reply = cls.__new__(cls)
        reply.header = header
        reply.keywords = self._reply_keywords(text, pos, len(text))
        reply.string = text
        return reply

    def _reply_keywords(self, text: str, pos: int, end: int) -> KeywordsBase:
        """Scan keywords that are separated by semicolons, until the end of the text."""
        cls = self._keywords
        found = cls.__new__(cls)
        if pos == end:
            return found
        while True:
            start = pos
            pos = name_end(text, start, end)
            if pos == start or word_end(text, pos, end) > pos:
                raise self._failure("token", text, start)
            name = text[start:pos]
            is_raw = _is_raw(text, start, pos)
            pos = blanks_end(text, pos, end)
            raw: list[Any] = []
            if pos < end and text[pos] == "=":
                pos = self._values(text, pos + 1, end, raw, False)
            if pos < end and text[pos] != ";":
                raise self._failure("token", text, pos)
            if is_raw:
                raise self._failure("reserved", text, start)
            list.append(found, self._make_keyword(name, raw))
            if pos == end:
                return found
            pos = blanks_end(text, pos + 1, end)

    def _values(self, text: str, pos: int, end: int, found: list[Any], reserved: bool) -> int:
        """Scan values that are separated by commas; return where they and blanks end.

        With `reserved` the word ``raw`` is not a value, as everywhere in a command.
        """
        while True:
            start = blanks_end(text, pos, end)
            if start < end and text[start] in "\"'":
                pos = quoted_end(text, start, end)
                if pos < 0:
                    raise self._failure("token", text, start)
                found.append(text[start + 1 : pos])
                pos += 1
            else:
                pos = word_end(text, start, end)
                if pos == start or (reserved and _is_raw(text, start, pos)):
                    raise self._failure("token", text, start)
                found.append(text[start:pos])
            pos = blanks_end(text, pos, end)
            if pos == end or text[pos] != ",":
                return pos
            pos += 1

    def _make_keyword(self, name: str, raw: list[Any]) -> KeywordBase:
        cls = self._keyword
        keyword = cls.__new__(cls)
        keyword._raw = raw
        keyword._values = None
        keyword.matched = False
        keyword.name = name
        return keyword

    def command(self, string: str) -> tuple[str, str, list[str], list[KeywordBase], str | None]:
        """Scan a command.

        Returns
        -------
        text, verb, values, keywords, raw
            The text without newlines at its end, the verb, its values, the keywords, and what
            follows ``raw=``, or None.
        """
        text = _exact(string)
        end = len(text)
        start = blanks_end(text, 0, end)
        pos = self._command_name(text, start, end)
        if _is_raw(text, start, pos):
            raise self._failure("token", text, start)
        verb = text[start:pos]
        pos = blanks_end(text, pos, end)
        values: list[str] = []
        if self._has_values(text, pos, end):
            pos = self._values(text, pos, end, values, True)
        keywords: list[KeywordBase] = []
        while pos < end:
            start = pos
            pos = self._command_name(text, start, end)
            if _is_raw(text, start, pos):
                start = pos
                while pos < end and text[pos].isspace():
                    pos += 1
                if pos == end or text[pos] != "=":
                    raise self._failure("raw", text, start)
                line = text.find("\n", pos)
                if line >= 0:
                    raise self._failure("raw", text, line)
                return text, verb, values, keywords, text[pos + 1 :]
            name = text[start:pos]
            raw: list[str] = []
            pos = blanks_end(text, pos, end)
            if pos < end and text[pos] == "=":
                pos = self._values(text, pos + 1, end, raw, True)
            keywords.append(self._make_keyword(name, raw))
        return text, verb, values, keywords, None

    def _command_name(self, text: str, start: int, end: int) -> int:
        pos = name_end(text, start, end)
        if pos == start or word_end(text, pos, end) > pos:
            raise self._failure("token", text, start)
        return pos

    def _has_values(self, text: str, start: int, end: int) -> bool:
        """Whether a verb is followed by a value: not a name, or anything before a comma.

        After a comma there must be another name then.
        """
        if start == end:
            return False
        pos = name_end(text, start, end)
        if pos == start or word_end(text, pos, end) > pos:
            return True
        if _is_raw(text, start, pos):
            return False
        pos = blanks_end(text, pos, end)
        if pos == end or text[pos] != ",":
            return False
        start = blanks_end(text, pos + 1, end)
        self._command_name(text, start, end)
        return True


class Converter:
    """Makes values of one type; the base of those below.

    Parameters
    ----------
    value_type
        The class of the values.
    invalid
        The lower-case string that stands for no value, or None.
    marker
        The value to use instead of no value.
    """

    __slots__ = ("_invalid", "_marker", "_new", "_type")

    def __init__(self, value_type: type, invalid: str | None, marker: object) -> None:
        self._type = value_type
        self._new: Callable[..., Any] = value_type.__new__
        self._invalid = invalid
        self._marker = marker

    def convert(self, value: Any) -> Any:
        """Make a value, or return the marker if it is the invalid value."""
        if self._invalid is not None and str(value).lower() == self._invalid:
            return self._marker
        return self.make(value)

    def make(self, value: Any) -> Any:
        """Make a value.

        Raises
        ------
        ValueError, TypeError, OverflowError
            If it cannot be converted to the type.
        """
        raise NotImplementedError


class CallConverter(Converter):
    """Makes values by calling a function.

    Parameters
    ----------
    function
        Called with the raw value.
    """

    __slots__ = ("_function",)

    def __init__(
        self,
        value_type: type,
        invalid: str | None,
        marker: object,
        function: Callable[[Any], Any],
    ) -> None:
        Converter.__init__(self, value_type, invalid, marker)
        self._function = function

    def make(self, value: Any) -> Any:
        return self._function(value)


class BareConverter(Converter):
    """Makes values without calling the type: ``float`` and ``str`` parse the string."""

    __slots__ = ()

    def make(self, value: Any) -> Any:
        return self._new(self._type, value)


def short_decimal(text: str) -> float:
    """Read a plain decimal number of up to 15 digits; return NaN for any other string.

    Its digits and the power of ten are exact: their quotient is what ``float`` returns.
    """
    end = len(text)
    pos = 1 if end > 0 and text[0] == "-" else 0
    number = 0.0
    power = 1.0
    digits = 0
    has_point = False
    while pos < end:
        char = text[pos]
        if "0" <= char <= "9":
            digits += 1
            if digits > 15:
                return NAN
            number = number * 10.0 + (ord(char) - 48)
            if has_point:
                power *= 10.0
        elif char == "." and not has_point:
            has_point = True
        else:
            return NAN
        pos += 1
    if digits == 0:
        return NAN
    return -number / power if text[0] == "-" else number / power


class FloatConverter(Converter):
    """Makes numbers.

    Parameters
    ----------
    limit
        The largest finite number.
    """

    __slots__ = ("_limit",)

    def __init__(self, value_type: type, invalid: str | None, marker: object, limit: float) -> None:
        Converter.__init__(self, value_type, invalid, marker)
        self._limit = limit

    def make(self, value: Any) -> Any:
        number = short_decimal(value) if COMPILED and type(value) is str else NAN
        if number != number:
            number = read_float(value)
        if self._limit < abs(number) < INFINITY:
            raise OverflowError(f"Invalid literal for Float: {value!r}")
        return self._new(self._type, number)


class IntConverter(Converter):
    """Makes integers; a string may have a prefix for its base.

    Parameters
    ----------
    limit
        The first number that is too large on either side, or None.
    """

    __slots__ = ("_limit",)

    def __init__(
        self, value_type: type, invalid: str | None, marker: object, limit: int | None
    ) -> None:
        Converter.__init__(self, value_type, invalid, marker)
        self._limit = limit

    def make(self, value: Any) -> Any:
        number = int(value, 0) if isinstance(value, str) else int(value)
        if self._limit is not None and not -self._limit < number < self._limit:
            raise OverflowError(f"Invalid literal for Int: {value!r}")
        return self._new(self._type, number)


class UIntConverter(Converter):
    """Makes integers of 32 bits; the sign of a negative one becomes the highest bit."""

    __slots__ = ()

    def make(self, value: Any) -> Any:
        number = int(value, 0) if isinstance(value, str) else int(value)
        if not -0x80000000 < number <= 0xFFFFFFFF:
            raise OverflowError(f"Invalid literal for UInt: {value!r}")
        return self._new(self._type, 0x80000000 - number if number < 0 else number)


class HexConverter(UIntConverter):
    """Makes integers from hexadecimal strings of any length."""

    __slots__ = ()

    def make(self, value: Any) -> Any:
        if isinstance(value, (str, bytes, bytearray)):
            return self._new(self._type, int(value, 16))
        return UIntConverter.make(self, value)


class EnumConverter(Converter):
    """Picks one of the values that exist.

    Parameters
    ----------
    by_label
        The values by their labels in lower case.
    by_index
        The values in order.
    """

    __slots__ = ("_by_index", "_by_label")

    def __init__(
        self,
        value_type: type,
        invalid: str | None,
        marker: object,
        by_label: dict[str, Any],
        by_index: list[Any],
    ) -> None:
        Converter.__init__(self, value_type, invalid, marker)
        self._by_label = by_label
        self._by_index = by_index

    def make(self, value: Any) -> Any:
        if isinstance(value, int):
            if 0 <= value < len(self._by_index):
                return self._by_index[value]
            raise ValueError(f"Invalid index for Enum: {int(value)}")
        label = str(value).lower()
        found = self._by_label.get(label)
        if found is None:
            raise ValueError(f'Invalid label for Enum: "{label}"')
        return found


class BoolConverter(Converter):
    """Picks true or false.

    Parameters
    ----------
    values
        Both of them, by every label.
    """

    __slots__ = ("_values",)

    def __init__(
        self, value_type: type, invalid: str | None, marker: object, values: dict[Any, Any]
    ) -> None:
        Converter.__init__(self, value_type, invalid, marker)
        self._values = values

    def make(self, value: Any) -> Any:
        try:
            found = self._values.get(value)
        except TypeError:
            found = None
        if found is None:
            raise ValueError(f"Invalid Bool value: {value!r}")
        return found


class Plan:
    """How the values of a keyword are converted.

    Parameters
    ----------
    heads
        The converters of the values that must be there.
    tail
        The converter of those that may follow, or None.
    most
        The largest number of values, or -1 if there is none.
    groups
        Start, length and wrapper of the values that are wrapped into one.
    switch
        An object whose ``WrapEnable`` enables the wrapping.
    """

    __slots__ = ("_groups", "_heads", "_most", "_switch", "_tail")

    def __init__(
        self,
        heads: list[Converter],
        tail: Converter | None,
        most: int,
        groups: list[tuple[int, int, Callable[..., Any] | None]],
        switch: Any,
    ) -> None:
        self._heads = heads
        self._tail = tail
        self._most = most
        self._groups = groups
        self._switch = switch

    def convert(self, values: Sequence[Any]) -> list[Any] | None:
        """Convert values into a new list; None if they do not match."""
        count = len(values)
        least = len(self._heads)
        if count < least or (self._most >= 0 and count > self._most):
            return None
        typed: list[Any] = []
        tail = self._tail
        try:
            for index in range(least):
                converter = self._heads[index]
                typed.append(converter.convert(values[index]))
            if tail is not None:
                for index in range(least, count):
                    typed.append(tail.convert(values[index]))
        except (ValueError, TypeError, ArithmeticError):
            return None
        if self._groups and self._switch.WrapEnable:
            for start, length, wrapper in reversed(self._groups):
                parts = tuple(typed[start : start + length])
                typed[start : start + length] = [parts if wrapper is None else wrapper(*parts)]
        return typed

    def consume(self, keyword: Any, name: str) -> bool:
        """Convert the values of a keyword of this name in place; return whether it matches."""
        if keyword.name != name and keyword.name.lower() != name.lower():
            return False
        raw = keyword._raw if isinstance(keyword, KeywordBase) else None
        values = keyword.values if raw is None else raw
        typed = self.convert(values)
        if typed is None:
            return False
        if raw is None:
            values[:] = typed
        else:
            keyword._raw = typed
        keyword.matched = True
        return True


def native_value(value: Any) -> Any:
    """Return a typed value as a builtin one.

    Raises
    ------
    RecursionError
        If tuples are nested too deeply.
    """
    return _native(value, 0)


def _native(value: Any, depth: int) -> Any:
    if isinstance(value, tuple):
        if depth > MAX_DEPTH:
            raise RecursionError("the value is nested too deeply")
        return tuple([_native(part, depth + 1) for part in value])
    return getattr(value, "native", value)


def native_values(keyword: Any) -> list[Any]:
    """Return the values of a keyword as builtin ones."""
    raw = keyword._raw if isinstance(keyword, KeywordBase) else None
    natives: list[Any] = []
    for value in keyword.values if raw is None else raw:
        natives.append(_native(value, 0))
    return natives


def update_keys(
    model: Any, keywords: Sequence[Any], now: float, unknown: list[Any], trace: bool
) -> dict[str, Any]:
    """Update the keys of a model with keywords, and call the callbacks.

    Parameters
    ----------
    model
        A dictionary of keys. Its ``_find`` returns the key of a name in another case, or None.
    keywords
        The keywords, whose values are converted in place.
    now
        The Unix time.
    unknown
        A list, to which keywords are appended that are not in the model, or have other types
        there.
    trace
        Whether keys print what they are given.

    Returns
    -------
    values
        The values of the keywords that are in the model, by name in lower case.
    """
    found: dict[str, Any] = {}
    listeners = model._callbacks
    for keyword in keywords:
        name = keyword.name
        key = lookup(model, name)
        if key is None:
            key = model._find(name)
        if key is None:
            unknown.append(keyword)
            continue
        definition = key.key
        if trace:
            matches = definition.consume(keyword)
        else:
            matches = definition.typedValues.plan.consume(keyword, definition.name)
        if not matches:
            unknown.append(keyword)
            continue
        key.keyword = keyword
        key.last_seen = now
        key._value = found[name.lower()] = native_values(keyword)
        if key._callbacks:
            key.notify(key.copy())
        if listeners:
            model.notify(model.flatten(), key.copy())
    return found
