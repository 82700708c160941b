"""Reply kernel: preparing, formatting and encoding replies, the source of both builds."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import pathlib
import uuid
from collections.abc import Mapping
from typing import Any

import orjson

_dumps = orjson.dumps


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
    if isinstance(message, dict):
        merged = dict(message)
    elif isinstance(message, str):
        merged = {default_keyword: message}
    else:
        return None
    if keywords:
        merged.update(keywords)
    return merged


def holds_exception(message: dict[Any, Any]) -> bool:
    """Whether a value of the message, or of a dictionary in it, is an exception."""
    for value in message.values():
        if isinstance(value, dict):
            if holds_exception(value):
                return True
        elif isinstance(value, BaseException):
            return True
    return False


def format_value(value: object) -> str:
    """Format a value as the opscore protocol writes it.

    Strings with a space are quoted and escaped as JSON, unless they begin with a quote; booleans
    become ``T`` and ``F``; lists, tuples and the values of a dictionary are joined by commas.

    Raises
    ------
    ValueError
        If a dictionary holds another one.
    """
    if isinstance(value, str):
        if " " in value and value[0] != "'" and value[0] != '"':
            return json.dumps(value)
        return value
    if value is True:
        return "T"
    if value is False:
        return "F"
    if isinstance(value, (list, tuple)):
        return ",".join([format_value(item) for item in value])
    if isinstance(value, dict):
        for item in value.values():
            if isinstance(item, dict):
                raise ValueError("Cannot format a dictionary with depth > 1.")
        return ",".join([format_value(item) for item in value.values()])
    return str(value)


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
        encoded = _dumps(value, plain_value)
    except TypeError:
        return encode_exactly(value)
    if b"null" in encoded and not survives_orjson(value):
        return encode_exactly(value)
    return encoded


def encode_exactly(value: object) -> bytes:
    """Encode a value with the standard library's ``json``."""
    return json.dumps(value, default=plain_value).encode()


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
        return value.tolist()
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
    data = encode_json(message)
    header = _dumps(
        {
            "command_id": command_id,
            "commander_id": commander_id,
            "message_code": message_code,
            "internal": internal,
            "sender": sender,
        }
    )
    return b'{"header":%b,"data":%b}\n' % (header, data)


def would_log(logger: object, level: int) -> bool:
    """Whether any handler would take a record of this level from the logger."""
    if not logger.isEnabledFor(level):  # type: ignore[attr-defined]
        return False
    node = logger
    while node is not None:
        for handler in node.handlers:  # type: ignore[attr-defined]
            if handler.level <= level:
                return True
        node = node.parent if node.propagate else None  # type: ignore[attr-defined]
    return False
