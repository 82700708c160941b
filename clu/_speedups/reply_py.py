"""Reply kernel: preparing, formatting and encoding replies, the source of both builds.

One source, however long: the compiler inlines what is in the same module.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import pathlib
import re
import uuid
from collections.abc import Callable, Mapping
from time import time
from typing import Any

import orjson

from clu._speedups.copying import reduced
from clu._speedups.line import Depth, Line, is_ascii, is_common, spaced, spaced_if_plain
from clu._speedups.opscore import blanks_end, quoted_end, word_end

_dumps = orjson.dumps
# orjson would leave out fields, and round time zones, that `plain_value` does not.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME

#: The starts of the latest lines: a command usually writes several similar replies.
_starts: dict[Any, Any] = {}
#: The key of the latest start in `_starts`, with its arguments: most lines repeat it.
_LATEST = "latest"
#: The types of ids in a key; others (1.0, True) may be equal but are written differently.
_ID_TYPES = (str, int, type(None))
_MOST_STARTS = 1024
#: The header of a line without its values.
_COMPACT_HEADER = (
    b'{"header":{"command_id":',
    b',"commander_id":',
    b',"message_code":',
    b',"internal":',
    b',"sender":',
    b'},"data":',
)
_SPACED_HEADER = tuple(piece.replace(b",", b", ").replace(b":", b": ") for piece in _COMPACT_HEADER)

# Some optimisations pay off only when they are compiled.
COMPILED = __file__.endswith((".so", ".pyd"))

N, U, L = b"nul"
_quote = json.encoder.encode_basestring_ascii
_not_ascii = re.compile(r"[^\x00-\x7f]+")
#: What ends a line: in TCP streams, in C, and for ``str.splitlines``.
_BREAKS = "\n\r\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_SPECIAL = _BREAKS + ";\"'"
#: The starts of keywords by their names: of the first in a line, and of others.
_names: dict[str, tuple[str, str]] = {}
#: The latest user id, command id and code, with the start of a line: most lines repeat it.
_address: dict[str, tuple[object, object, str, str]] = {}
#: The integers that orjson accepts.
_LEAST, _MOST = -(2**63), 2**64 - 1
_MOST_NAMES = 4096

#: The class of replies that was checked last: there is hardly another one.
_reply_class: list[Any] = [None]

MAX_DEPTH = 500
"""How deep dictionaries and lists may be nested: C has no recursion limit of its own."""
_depth = Depth(MAX_DEPTH)


_FIELDS = (
    *("_created", "broadcast", "command", "internal", "keywords", "message", "message_code"),
    *("use_validation", "validated"),
)


class ReplyFields:
    """The attributes of a reply, see `clu.base.Reply`."""

    __slots__ = _FIELDS

    _created: float
    message_code: Any
    message: dict[str, Any]
    command: Any
    broadcast: bool
    use_validation: bool
    validated: bool
    internal: bool
    keywords: list[Any] | None

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self, _FIELDS)


def merge_message(
    message: object, default_keyword: str, keywords: dict[str, Any]
) -> dict[Any, Any] | None:
    """Merge a message and the keywords given with it into a new dictionary.

    Parameters
    ----------
    message
        A dictionary, a string (the value of ``default_keyword``), or None or another false value
        for no message.
    default_keyword
        The keyword for a message that is a string.
    keywords
        Keywords that are added to the message and override it.

    Returns
    -------
    merged
        A new dictionary, or None if the message is of another type.
    """
    if message is None:
        return dict(keywords)
    if type(message) is dict:
        merged = message.copy()
    elif isinstance(message, dict):
        merged = dict(message)
    elif isinstance(message, str):
        merged = {default_keyword: message}
    elif not message:
        return dict(keywords)
    else:
        return None
    if keywords:
        merged.update(keywords)
    return merged


def holds_exception(message: dict[Any, Any]) -> bool:
    """Whether a value of the message, or of a dictionary in it, is an exception.

    Raises
    ------
    RecursionError
        If dictionaries are nested too deeply, or contain themselves.
    """
    return holds_nested(message, 0)


def holds_nested(message: dict[Any, Any], depth: int) -> bool:
    """Look for an exception in a dictionary that is inside ``depth`` others."""
    if depth > MAX_DEPTH:
        raise RecursionError("the message is nested too deeply")
    for value in message.values():
        kind = type(value)
        if kind is float or kind is str or kind is int or kind is list or kind is bool:
            continue
        if isinstance(value, dict):
            if holds_nested(value, depth + 1):
                return True
        elif isinstance(value, BaseException):
            return True
    return False


def prepare_message(
    message: object,
    keywords: dict[str, Any],
    process: Callable[[dict[Any, Any]], dict[Any, Any]] | None,
    report: Callable[[dict[Any, Any], bool, int], dict[Any, Any]],
    expand: bool,
    frame: int,
) -> dict[Any, Any] | None:
    """Prepare the message of a reply.

    Parameters
    ----------
    message, keywords
        The arguments of the user, see `merge_message`. The dictionary of keywords is not used by
        anybody else: it is the message if there is no other.
    process
        A function of the user that rewrites the message, if there is one.
    report
        A function that replaces the exceptions in a message. It is called when there are any,
        with the message, ``expand`` and ``frame``.
    expand, frame
        Whether to describe exceptions in full, and the frame of the traceback to name.

    Returns
    -------
    prepared
        A new dictionary, or None if the message is of another type.
    """
    if message is None or (type(message) is dict and not message):
        merged: dict[Any, Any] = keywords
    else:
        given = merge_message(message, "text", keywords)
        if given is None:
            return None
        merged = given
    if process is not None:
        merged = process(merged)
    try:
        if holds_nested(merged, 0):
            return report(merged, expand, frame)
    except RecursionError:
        pass  # too deep to check; encoding it reports the keyword
    return merged


def prepare_reply(
    cls: Any,
    message_code: object,
    message: object,
    keywords: dict[str, Any],
    process: Callable[[dict[Any, Any]], dict[Any, Any]] | None,
    report: Callable[[dict[Any, Any], bool, int], dict[Any, Any]],
    expand: bool,
    frame: int,
    command: object,
    broadcast: bool,
    use_validation: bool,
    internal: bool,
) -> Any:
    """Return a reply that has yet to be validated.

    Parameters
    ----------
    cls
        The class of the reply, derived from `ReplyFields`, or a function that makes replies.
    message, keywords, process, report, expand, frame
        What the message is made of, see `prepare_message`.
    message_code, command, broadcast, use_validation, internal
        The attributes of the reply.

    Returns
    -------
    reply
        The reply, or None if the message is of another type.
    """
    merged = prepare_message(message, keywords, process, report, expand, frame)
    if merged is None:
        return None
    if cls is not _reply_class[0] and not is_reply_class(cls):  # tests of actors replace it
        return cls(message_code, merged, command, broadcast, use_validation, internal=internal)
    kind = cls  # whose C type is known
    reply = kind.__new__(kind)  # equivalent to calling the class, in a third of the time
    reply._created = time()
    reply.message_code = message_code
    reply.message = merged
    reply.command = command
    reply.broadcast = broadcast
    reply.use_validation = use_validation
    reply.validated = False
    reply.internal = internal
    reply.keywords = None
    return reply


def is_reply_class(cls: Any) -> bool:
    """Whether replies are its instances: to make one, C relies on what other types lack."""
    if not isinstance(cls, type) or not issubclass(cls, ReplyFields):
        return False
    _reply_class[0] = cls
    return True


def format_value(value: object) -> str:
    """Format a value as the opscore protocol writes it.

    Strings with a space are quoted and escaped as JSON, unless they begin with a quote; booleans
    become ``T`` and ``F``; lists, tuples and the values of a dictionary are joined by commas.

    Raises
    ------
    ValueError
        If a dictionary holds another one.
    RecursionError
        If lists are nested too deeply, or contain themselves.
    """
    return format_nested(value, 0)


def format_nested(value: object, depth: int) -> str:
    """Format a value that is inside ``depth`` others."""
    if isinstance(value, str):
        if " " in value and value[0] != "'" and value[0] != '"':
            return _quote(value)
        return value
    if value is True:
        return "T"
    if value is False:
        return "F"
    if depth > MAX_DEPTH:
        raise RecursionError("the value is nested too deeply")
    if isinstance(value, (list, tuple)):
        return ",".join([format_nested(item, depth + 1) for item in value])
    if isinstance(value, dict):
        for item in value.values():
            if isinstance(item, dict):
                raise ValueError("Cannot format a dictionary with depth > 1.")
        return ",".join([format_nested(item, depth + 1) for item in value.values()])
    return str(value)


def format_line(user_id: object, command_id: object, code: str, message: dict[Any, Any]) -> bytes:
    """Format a reply as the line that a legacy actor sends.

    Values are formatted as by `format_value`, but none can be taken for another keyword or
    another reply: see `guard`.

    Parameters
    ----------
    user_id, command_id
        The user and the command that are answered.
    code
        The code of the reply.
    message
        The keywords and their values.

    Returns
    -------
    line
        ``user_id command_id code keyword=value; keyword=value`` and a newline, in UTF-8.

    Raises
    ------
    ValueError
        If the name of a keyword would be ambiguous in a line, or a dictionary holds
        another one.
    RecursionError
        If a value is nested too deeply.
    """
    line = Line()
    line.add(address_of(user_id, command_id, code))
    is_first = True
    for name, value in message.items():
        starts = _names.get(name)
        if starts is None:
            starts = starts_of(name)
        line.add(starts[0] if is_first else starts[1])
        is_first = False
        before = len(line)
        add_value(line, value, 0)
        if len(line) == before:
            line.cut_last()
    line.add("\n")
    return line.to_bytes()


def format_reply(reply: Any) -> tuple[bytes, Any] | None:
    """Format a reply, which is derived from `ReplyFields`, as `format_line` does.

    Returns
    -------
    line, transport
        The line, and the transport of the sender of the command that is answered, or None if the
        reply is for all clients. None instead of both if the message has a keyword ``error`` or
        ``exception``, whose description must be formatted separately.
    """
    message = reply.message
    if type(message) is not dict or has_error(message):
        return None
    user_id = command_id = 0
    transport = None
    command = reply.command
    if command is not None:
        command_id = command.command_id or 0
        if not reply.broadcast:
            transport = command.transport
            if transport is not None:
                user_id = transport.user_id or 0
    line = format_line(user_id, command_id, reply.message_code._value_, message)
    return (line, transport)


def has_error(message: dict[Any, Any]) -> bool:
    """Whether a message has a keyword whose description must be formatted separately."""
    return "error" in message or "exception" in message


def address_of(user_id: object, command_id: object, code: str) -> str:
    """Return the part of a line before the keywords."""
    latest = _address.get(_LATEST)
    if latest is not None and (
        latest[0] is user_id and latest[1] is command_id and latest[2] is code
    ):
        return latest[3]
    address = f"{user_id} {command_id} {code} "
    _address[_LATEST] = (user_id, command_id, code, address)
    return address


def starts_of(name: object) -> tuple[str, str]:
    """Return the part before the value of a keyword: for the first one in a line, and others.

    Raises
    ------
    ValueError
        If the name would be ambiguous in a line.
    """
    text = exact_text(str(name))
    for char in text:
        if char in _SPECIAL or char == "=":
            raise ValueError(f"{char!r} cannot be a part of the name of a keyword.")
    starts = (f"{text}=", f"; {text}=")
    if type(name) is str:
        if len(_names) >= _MOST_NAMES:
            _names.clear()
        _names[text] = starts
    return starts


def add_value(line: Line, value: object, depth: int) -> None:
    """Add a value that is inside ``depth`` others to a line.

    An empty one adds nothing, and quotes without content among others.
    """
    # mypy does not narrow a value by a variable that holds its type.
    kind = type(value)
    if kind is str:
        add_text(line, value)  # type: ignore[arg-type]
    elif kind is float:
        line.add_float(value)  # type: ignore[arg-type]
    elif kind is int:
        line.add_whole(value)  # type: ignore[arg-type]
    elif value is True:
        line.add("T")
    elif value is False:
        line.add("F")
    elif isinstance(value, str):
        add_text(line, exact_text(value))
    elif depth > MAX_DEPTH:
        raise RecursionError("the value is nested too deeply")
    elif isinstance(value, (list, tuple)):
        before = len(line)
        is_first = True
        for item in value:
            if not is_first:
                line.add(",")
            is_first = False
            if type(item) is float:
                if line.add_short(item):
                    continue
                if are_common(value):
                    encoded = _dumps(value)
                    line.cut(before)
                    line.add(encoded[1:-1].decode("ascii"))
                    return
            at = len(line)
            add_value(line, item, depth + 1)
            if len(line) == at and len(value) > 1:
                line.add('""')
    elif isinstance(value, dict):
        is_first = True
        for item in value.values():
            if isinstance(item, dict):
                raise ValueError("Cannot format a dictionary with depth > 1.")
            if not is_first:
                line.add(",")
            is_first = False
            at = len(line)
            add_value(line, item, depth + 1)
            if len(line) == at and len(value) > 1:
                line.add('""')
    else:
        text = exact_text(str(value))
        if is_readable(text, True) and not has_break(text):
            line.add(text)
        else:
            add_text(line, text)


def add_text(line: Line, text: str) -> None:
    """Add a string to a line, quoted if need be."""
    if line.add_plain(text):
        return
    is_special = has_space = False
    for char in text:
        if char == " ":
            has_space = True
        elif char in (
            ";\"'=,\0\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004"
            "\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
        ):
            is_special = True
    if has_space and text[0] != "'" and text[0] != '"':
        line.add(_quote(text))
    elif is_special:
        line.add(guard(text))
    elif text:
        line.add(text)


def are_common(values: list[Any] | tuple[Any, ...]) -> bool:
    """Whether all values are common numbers, or integers that orjson accepts."""
    for value in values:
        kind = type(value)
        if kind is float:
            if not is_common(value):
                return False
        elif kind is not int or not _LEAST <= value <= _MOST:
            return False
    return True


def exact_text(text: str) -> str:
    """Return a string as a ``str`` and not a subclass."""
    return text if type(text) is str else str.__str__(text)


def guard(text: str) -> str:
    """Return a string that readers of lines return unchanged as the value of a keyword.

    What they can read stays as it is, and so do quotations that the author has made. A string that
    could end the line or the value (with a line break, NUL, a semicolon outside quotations, or an
    unterminated quotation) becomes JSON, and any other one is enclosed in quotes.
    """
    if has_break(text):
        return _quote(text)
    if is_readable(text, text[0] == '"' or text[0] == "'"):
        return text
    return enclose(text) if is_closed(text) else _quote(text)


def has_break(text: str) -> bool:
    """Whether a string has something that ends a line, or NUL."""
    for char in text:
        if char in "\n\r\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029":
            return True
    return False


def enclose(text: str) -> str:
    """Put a string in quotes, so that it is between them as it is, or becomes JSON.

    Double quotes always hold JSON, for those who decode it.
    """
    is_json = True
    for char in text:
        if char == '"' or char == "\\" or char < " ":
            is_json = False
    if is_json:
        return f'"{text}"'
    whole = f"'{text}'"
    end = len(whole)
    return whole if quoted_end(whole, 0, end) == end - 1 else _quote(text)


def is_readable(text: str, with_blanks: bool) -> bool:
    """Whether readers take a string without line breaks for words and quotations.

    These are separated by commas, perhaps with spaces and tabs around them if `with_blanks`.
    """
    end = len(text)
    pos = 0
    while True:
        if with_blanks:
            pos = blanks_end(text, pos, end)
        start = pos
        if pos < end and (text[pos] == '"' or text[pos] == "'"):
            pos = quoted_end(text, pos, end) + 1
        else:
            pos = word_end(text, pos, end)
        if pos == start or pos == 0:
            return False
        if with_blanks:
            pos = blanks_end(text, pos, end)
        if pos == end:
            return True
        if text[pos] != ",":
            return False
        pos += 1


def is_closed(text: str) -> bool:
    """Whether values separated by commas have semicolons only inside quotes."""
    end = len(text)
    pos = 0
    at_start = True
    while pos < end:
        char = text[pos]
        if at_start and (char == '"' or char == "'"):
            pos = quoted_end(text, pos, end)
            if pos < 0:
                return False
            at_start = False
        elif char == ";":
            return False
        elif char == ",":
            at_start = True
        elif char != " " and char != "\t":
            at_start = False
        pos += 1
    return True


def encode_json(value: object) -> bytes:
    """Encode a value as JSON that decodes to the same value in Python.

    orjson is used where possible. What it refuses (integers over 64 bits, keys that are not
    strings, lone surrogates) or changes (NaN and infinities become null) is left to ``json``.

    Raises
    ------
    TypeError, ValueError, RecursionError
        If the value cannot be encoded.
    """
    encoded = encode_quickly(value)
    return encode_exactly(value) if encoded is None else encoded


def encode_quickly(value: object) -> bytes | None:
    """Encode a value with orjson, or return None if that would refuse or change it."""
    encoded = encode_unchecked(value)
    if encoded is not None and has_null(encoded) and not survives_nested(value, 0):
        return None
    return encoded


def encode_unchecked(value: object) -> bytes | None:
    """Encode a value with orjson, which may have made ``null`` of it, or return None."""
    if COMPILED and not _depth.admits(value):  # interpreted, to look takes longer than to encode
        return None
    try:
        encoded: bytes = _dumps(value, plain_value, _OPTIONS)
    except TypeError:
        return None
    return encoded


def json_text(value: object) -> str:
    """Encode a value as ``json.dumps`` does: spaced, in ASCII. See `encode_json`."""
    return encode_spaced(value, b"", b"").decode("ascii")


def encode_spaced(value: object, start: bytes, end: bytes) -> bytes:
    """Encode a value as `json_text` does, between two pieces of ASCII."""
    encoded = encode_unchecked(value)
    if encoded is not None:
        line = spaced_if_plain(encoded, start, end)
        if line is not None:
            return line
        if not has_null(encoded) or survives_nested(value, 0):
            line = spaced(encoded, start, end)
            return line if is_ascii(encoded) else escape_letters(line)
    return b"".join((start, encode_exactly(value), end))


def escape_letters(encoded: bytes) -> bytes:
    """Escape the letters in JSON that are not ASCII."""
    return _not_ascii.sub(escape_found, encoded.decode()).encode("ascii")


def escape_found(found: re.Match[str]) -> str:
    """Escape some letters that have been found."""
    return _quote(found.group())[1:-1]


def has_null(encoded: bytes) -> bool:
    """Whether encoded JSON may contain ``null``."""
    if not COMPILED:
        return encoded.count(b"null") > 0  # the fastest way to look for it
    # One letter of four in a row is where this looks.
    letters = encoded
    for at in range(3, len(encoded), 4):
        letter = letters[at]
        if letter == L:
            if letters[at - 1] == U and letters[at - 2] == N and letters[at + 1] == L:
                return True
            if letters[at - 1] == L and letters[at - 2] == U and letters[at - 3] == N:
                return True
        elif letter == U:
            if letters[at - 1] == N and letters[at + 1] == L and letters[at + 2] == L:
                return True
        elif letter == N and letters[at + 1] == U and letters[at + 2] == L and letters[at + 3] == L:
            return True
    return False


def encode_exactly(value: object) -> bytes:
    """Encode a value with the standard library's ``json``."""
    try:
        return json.dumps(value, default=plain_value).encode()
    except (TypeError, ValueError, RecursionError):
        raise
    except Exception as error:  # raised by the value itself
        raise TypeError(f"{type(error).__name__}: {error}") from error


def survives_orjson(value: object) -> bool:
    """Whether orjson's encoding of a value that it accepts has the same meaning.

    Raises
    ------
    RecursionError
        If the value is nested too deeply, as none is that orjson accepts.
    """
    return survives_nested(value, 0)


def survives_nested(value: object, depth: int) -> bool:
    """Tell it of a value that is inside ``depth`` others."""
    if depth > MAX_DEPTH:
        raise RecursionError("the value is nested too deeply")
    if value is None or isinstance(value, (str, int)):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        for item in value.values():
            if not survives_nested(item, depth + 1):
                return False
        return True
    if isinstance(value, (list, tuple)):
        for item in value:
            if not survives_nested(item, depth + 1):
                return False
        return True
    return False


def plain_value(value: object) -> object:
    """Turn a value that JSON does not know into one that it does.

    Raises
    ------
    TypeError
        If there is no obvious form.
    """
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (pathlib.PurePath, uuid.UUID)):
        return str(value)
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # numpy, without importing it
        return plain_array(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):  # named tuples
        return list(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, BaseException):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"a value of type {type(value).__name__} cannot be sent as JSON")


def plain_array(array: Any) -> object:
    """Turn a numpy array or scalar into lists and plain values.

    Raises
    ------
    TypeError
        If it holds time differences.
    """
    kind = getattr(array.dtype, "kind", "")
    if kind == "M":  # of nanoseconds tolist() would make bare numbers
        return array.astype(str).tolist()
    if kind == "m":
        raise TypeError("a time difference cannot be sent as JSON")
    plain = array.tolist()
    if kind == "f" and hasattr(plain, "dtype"):  # a long double, which stays what it is
        return float(plain)
    return plain


def encode_reply(
    command_id: object,
    commander_id: object,
    message_code: str,
    internal: bool,
    sender: str,
    message: dict[Any, Any],
) -> bytes:
    """Encode a reply as the line that a JSON actor sends.

    Parameters
    ----------
    command_id, commander_id
        The command that is answered, or None.
    message_code
        The code of the reply.
    internal
        Whether the reply is internal.
    sender
        The name of the actor.
    message
        The keywords and their values.

    Returns
    -------
    line
        ``{"header": {...}, "data": {...}}`` and a newline, spaced and in ASCII as ``json.dumps``
        writes it.

    Raises
    ------
    TypeError, ValueError, RecursionError
        If a value cannot be encoded.
    """
    start = find_start(command_id, commander_id, message_code, internal, sender, False)
    return encode_spaced(message, start, b"}\n")


def encode_line(reply: Any, sender: str) -> bytes:
    """Encode a reply, which is derived from `ReplyFields`, as `encode_reply` does."""
    command = reply.command
    start = find_start(
        None if command is None else command.command_id,
        None if command is None else command.commander_id,
        reply.message_code._value_,
        reply.internal,
        sender,
        False,
    )
    return encode_spaced(reply.message, start, b"}\n")


def encode_compact_line(reply: Any, sender: str) -> bytes:
    """Encode a reply as `encode_line` does, but without spaces and in UTF-8."""
    command = reply.command
    start = find_start(
        None if command is None else command.command_id,
        None if command is None else command.commander_id,
        reply.message_code._value_,
        reply.internal,
        sender,
        True,
    )
    return b"".join((start, encode_json(reply.message), b"}\n"))


def find_start(
    command_id: object,
    commander_id: object,
    message_code: str,
    internal: bool,
    sender: str,
    compact: bool,
) -> bytes:
    """Return the part of the line of a reply before the message."""
    latest = _starts.get(_LATEST)
    if (
        latest is not None
        and latest[0] is command_id
        and latest[1] is commander_id
        and latest[2] is message_code
        and latest[3] is internal
        and latest[4] is sender
        and latest[5] is compact
    ):
        return latest[6]  # type: ignore[no-any-return]
    start: bytes | None
    is_usual = type(internal) is bool  # others may be equal to one, and are sent as they are
    if is_usual and type(command_id) in _ID_TYPES and type(commander_id) in _ID_TYPES:
        key = (command_id, commander_id, message_code, internal, sender, compact)
        start = _starts.get(key)
        if start is None:
            if len(_starts) >= _MOST_STARTS:
                _starts.clear()
            start = encode_start(command_id, commander_id, message_code, internal, sender, compact)
            _starts[key] = start
        _starts[_LATEST] = (*key, start)
    else:
        start = encode_start(command_id, commander_id, message_code, internal, sender, compact)
    return start


def encode_start(
    command_id: object,
    commander_id: object,
    message_code: str,
    internal: bool,
    sender: str,
    compact: bool,
) -> bytes:
    """Encode the part of the line of a reply before the message."""
    pieces = _COMPACT_HEADER if compact else _SPACED_HEADER
    parts = (
        pieces[0],
        encode_field(command_id, compact),
        pieces[1],
        encode_field(commander_id, compact),
        pieces[2],
        _dumps(message_code),
        pieces[3],
        encode_field(internal, compact),
        pieces[4],
        encode_field(sender, compact),
        pieces[5],
    )
    return b"".join(parts)


def encode_field(value: object, compact: bool) -> bytes:
    """Encode a field of a header, without a cache: ids are rarely repeated."""
    if value is None:
        return b"null"
    if value is True:
        return b"true"
    if value is False:
        return b"false"
    if type(value) is int:
        return b"%d" % value
    return encode_json(value) if compact else encode_spaced(value, b"", b"")


def would_log(logger: object, level: int) -> bool:
    """Whether any handler would take a record of this level from the logger."""
    node: Any = logger
    while True:
        for handler in node.handlers:
            if handler.level <= level:
                return bool(logger.isEnabledFor(level))  # type: ignore[attr-defined]
        parent = node.parent
        if parent is None or not node.propagate:
            return False
        node = parent
