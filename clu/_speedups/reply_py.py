"""Reply kernel: preparing, formatting and encoding replies, the source of both builds."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import pathlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import orjson

_dumps = orjson.dumps
# orjson would leave out fields, and round time zones, that `plain_value` does not.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME

#: The starts of the latest lines: a command mostly writes several replies of a kind.
_starts: dict[Any, bytes] = {}
#: The types of ids in a key; others (1.0, True) may equal them and yet be written otherwise.
_ID_TYPES = (str, int, type(None))
_MOST_STARTS = 1024

# Some short cuts are short only when they are compiled.
COMPILED = __file__.endswith((".so", ".pyd"))

_quote = json.encoder.encode_basestring_ascii
#: What ends a line: in TCP streams, in C, and for ``str.splitlines``.
_BREAKS = "\n\r\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_SPECIAL = _BREAKS + ";\"'"
#: The starts of keywords, by their names.
_names: dict[str, str] = {}
#: The fractions of one, two and three decimals.
_FRACTIONS = [[f".{number:0{width}}" for number in range(10**width)] for width in (1, 2, 3)]
#: The length of lists that are not worth a look, and the integers that orjson accepts.
_FEW = 3
_LEAST, _MOST = -(2**63), 2**64 - 1
_MOST_NAMES = 4096

MAX_DEPTH = 500
"""How deep dictionaries and lists may be nested: C has no recursion limit of its own."""


def merge_message(
    message: object, default_keyword: str, keywords: dict[str, Any]
) -> dict[Any, Any] | None:
    """Merge a message and the keywords given with it into a new dictionary.

    Parameters
    ----------
    message
        A dictionary, a text (which goes to ``default_keyword``) or None.
    default_keyword
        The keyword of a message that is a text.
    keywords
        Keywords that are added to the message and win over it.

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
    else:
        return None
    if keywords:
        merged.update(keywords)
    return merged


def holds_exception(message: dict[Any, Any], depth: int = 0) -> bool:
    """Whether a value of the message, or of a dictionary in it, is an exception.

    Raises
    ------
    RecursionError
        If dictionaries are nested too deeply, or contain themselves.
    """
    if depth > MAX_DEPTH:
        raise RecursionError("the message is nested too deeply")
    for value in message.values():
        if isinstance(value, dict):
            if holds_exception(value, depth + 1):
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
        What the user passed, see `merge_message`.
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
        A new dictionary, or None if the message is of a type that it cannot be.
    """
    merged = merge_message(message, "text", keywords)
    if merged is None:
        return None
    if process is not None:
        merged = process(merged)
    try:
        if holds_exception(merged):
            return report(merged, expand, frame)
    except RecursionError:
        pass  # too deep to look; encoding it tells which keyword is to blame
    return merged


def update_properties(model: Any, message: dict[Any, Any], now: float) -> None:
    """Store the values of a message in the properties of a model, and notify who listens.

    Parameters
    ----------
    model
        A model of properties. It has the properties it was asked for by name in ``_known``, and
        its ``_find`` returns any other.
    message
        The keywords and their values. A dictionary is merged into the previous one.
    now
        The time, in seconds since 1970.
    """
    listeners = model._callbacks
    known = model._known
    for keyword, value in message.items():
        prop = known.get(keyword)
        if prop is None:
            prop = model._find(keyword)
        if isinstance(value, dict):
            old = prop._value
            value = {**old, **value} if isinstance(old, dict) else dict(value)
        prop._value = value
        prop.last_seen = now
        if prop._callbacks:
            prop.notify(prop.copy())
        if listeners:
            model.notify(model.flatten(), prop.copy())


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
        If the name of a keyword could be taken for something else, or a dictionary holds
        another one.
    RecursionError
        If a value is nested too deeply.
    """
    parts = [f"{user_id} {command_id} {code} "]
    for name, value in message.items():
        if len(parts) > 1:
            parts.append("; ")
        start = _names.get(name)
        if start is None:
            start = start_of(name)
        parts.append(start)
        before = len(parts)
        add_value(parts, value, 0)
        if len(parts) == before:
            parts[before - 1] = start[:-1]
    parts.append("\n")
    line = "".join(parts)
    try:
        return line.encode("utf-8")
    except UnicodeEncodeError:  # surrogates without their other half
        return line.encode("utf-8", "backslashreplace")


def start_of(name: object) -> str:
    """Return what comes before the value of a keyword.

    Raises
    ------
    ValueError
        If the name could be taken for something else.
    """
    text = exact_text(str(name))
    for char in text:
        if char in _SPECIAL or char == "=":
            raise ValueError(f"{char!r} cannot be a part of the name of a keyword.")
    start = f"{text}="
    if type(name) is str:
        if len(_names) >= _MOST_NAMES:
            _names.clear()
        _names[text] = start
    return start


def add_value(parts: list[str], value: object, depth: int) -> None:
    """Add the pieces of a value that is inside ``depth`` others. An empty one has none."""
    kind = type(value)
    if kind is str:
        add_text(parts, value)  # type: ignore[arg-type]
    elif kind is float:
        add_float(parts, value)  # type: ignore[arg-type]
    elif kind is int:
        parts.append(str(value))
    elif value is True:
        parts.append("T")
    elif value is False:
        parts.append("F")
    elif isinstance(value, str):
        add_text(parts, exact_text(value))
    elif depth > MAX_DEPTH:
        raise RecursionError("the value is nested too deeply")
    elif isinstance(value, (list, tuple)):
        if len(value) > _FEW and (kind is list or kind is tuple) and are_common(value):
            encoded = _dumps(value)
            parts.append(encoded[1:-1].decode("ascii"))
            return
        is_first = True
        for item in value:
            if not is_first:
                parts.append(",")
            is_first = False
            add_value(parts, item, depth + 1)
    elif isinstance(value, dict):
        is_first = True
        for item in value.values():
            if isinstance(item, dict):
                raise ValueError("Cannot format a dictionary with depth > 1.")
            if not is_first:
                parts.append(",")
            is_first = False
            add_value(parts, item, depth + 1)
    else:
        text = guard(exact_text(str(value)))
        if text:
            parts.append(text)


def add_text(parts: list[str], text: str) -> None:
    """Add a string, quoted if need be."""
    is_special = has_space = False
    if COMPILED or not text.isalnum():
        for char in text:
            if char == " ":
                has_space = True
            elif char in ";\"'\n\r\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029":
                is_special = True
    if has_space and text[0] != "'" and text[0] != '"':
        parts.append(_quote(text))
    elif is_special:
        parts.append(guard(text))
    elif text:
        parts.append(text)


def add_float(parts: list[str], number: float) -> None:
    """Add a number as ``str`` writes it.

    The shortest text of up to 15 digits that makes a number is the only one. That of many
    measurements has but a few decimals, which are quickly found.
    """
    size = abs(number)
    if COMPILED and 1e-4 <= size < 1e9:
        power = 1
        for fractions in _FRACTIONS:
            power *= 10
            scaled = int(size * power + 0.5)
            if scaled / power == size:
                whole = scaled // power
                parts.append(f"{whole}" if number > 0 else f"-{whole}")
                parts.append(fractions[scaled - whole * power])
                return
    if is_common(number):
        encoded = _dumps(number)
        parts.append(encoded.decode("ascii"))
    else:
        parts.append(str(number))


def is_common(number: float) -> bool:
    """Whether orjson writes a number as ``str`` does, but in a third of the time or less.

    They differ where one of them uses an exponent.
    """
    return number == 0 or 1e-4 <= number < 1e16 or -1e16 < number <= -1e-4


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
    """Return a text as a ``str`` and no subclass."""
    return text if type(text) is str else str.__str__(text)


def guard(text: str) -> str:
    """Return a text that is nothing but a value when it stands behind a keyword.

    Inside quotes is escaped what could end the line, or the value: whatever ends a line for
    ``str.splitlines``, NUL, a semicolon outside quotes, a quotation without an end. A text that
    begins with a quote has been quoted by its author; if it is well quoted it stays, but for
    what ends a line.
    """
    is_broken = False
    for char in text:
        if char in _BREAKS:
            is_broken = True
    whole = text
    if is_broken:
        if text[0] != "'" and text[0] != '"':
            return _quote(text)
        for char in _BREAKS:
            if char in text:
                whole = whole.replace(char, _quote(char)[1:-1])
    return whole if is_closed(whole) else _quote(text)


def is_closed(text: str) -> bool:
    """Whether values that are separated by commas have no semicolon but inside quotes."""
    end = len(text)
    pos = 0
    at_start = True
    while pos < end:
        char = text[pos]
        if at_start and (char == '"' or char == "'"):
            pos = quotation_end(text, pos, end)
            at_start = False
        elif char == ";":
            return False
        elif char == ",":
            at_start = True
        elif char != " " and char != "\t":
            at_start = False
        pos += 1
    return pos == end


def quotation_end(text: str, pos: int, end: int) -> int:
    """Return the position of the quote that closes the one at ``pos``, or the end."""
    quote = text[pos]
    pos += 1
    while pos < end and text[pos] != quote:
        pos += 2 if text[pos] == "\\" else 1
    return pos if pos < end else end


def encode_json(value: object) -> bytes:
    """Encode a value as JSON that decodes to the same value in Python.

    orjson does the work. What it refuses (integers over 64 bits, keys that are not strings, lone
    surrogates) or changes (NaN and infinities become null) is left to ``json``.

    Raises
    ------
    TypeError, ValueError, RecursionError
        If the value cannot be encoded.
    """
    try:
        encoded = _dumps(value, plain_value, _OPTIONS)
    except TypeError:
        return encode_exactly(value)
    # Counting is the fastest way to look for it.
    if encoded.count(b"null") and not survives_orjson(value):
        return encode_exactly(value)
    return encoded


def encode_exactly(value: object) -> bytes:
    """Encode a value with the standard library's ``json``."""
    try:
        return json.dumps(value, default=plain_value).encode()
    except (TypeError, ValueError, RecursionError):
        raise
    except Exception as error:  # of a value that cannot even be looked at
        raise TypeError(f"{type(error).__name__}: {error}") from error


def survives_orjson(value: object) -> bool:
    """Whether orjson's encoding of a value that it accepts has the same meaning."""
    if value is None or isinstance(value, (str, int)):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        for item in value.values():
            if not survives_orjson(item):
                return False
        return True
    if isinstance(value, (list, tuple)):
        for item in value:
            if not survives_orjson(item):
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
        ``{"header": {...}, "data": {...}}`` and a newline, in UTF-8.

    Raises
    ------
    TypeError, ValueError, RecursionError
        If a value cannot be encoded.
    """
    key = (command_id, commander_id, message_code, internal, sender)
    if type(command_id) in _ID_TYPES and type(commander_id) in _ID_TYPES:
        start = _starts.get(key)
        if start is None:
            if len(_starts) >= _MOST_STARTS:
                _starts.clear()
            start = _starts[key] = encode_start(key)
    else:
        start = encode_start(key)
    return b"".join((start, encode_json(message), b"}\n"))


def encode_start(key: tuple[object, object, str, bool, str]) -> bytes:
    """Encode what comes before the message in the line of a reply."""
    names = ("command_id", "commander_id", "message_code", "internal", "sender")
    header = dict(zip(names, key, strict=True))
    header["internal"] = bool(key[3])  # True and 1 are the same key
    return b'{"header":%b,"data":' % encode_json(header)


def would_log(logger: object, level: int) -> bool:
    """Whether any handler would take a record of this level from the logger."""
    node: Any = logger
    while node is not None:
        for handler in node.handlers:
            if handler.level <= level:
                return bool(logger.isEnabledFor(level))  # type: ignore[attr-defined]
        node = node.parent if node.propagate else None
    return False
