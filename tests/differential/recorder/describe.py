"""Values as JSON that two interpreters can agree on: no ids, times, addresses, places in files."""

from __future__ import annotations

import asyncio
import datetime
import enum
import re
import types
from collections.abc import Mapping
from typing import Any
from unittest import mock

HIDDEN: dict[str, str] = {}

_PATTERNS = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z|\+\d\d:\d\d)?"), "<time>"),
    (re.compile(r" at 0x[0-9a-f]+"), ""),
    (re.compile(r"2\.6\.1(\+fast\.\w+)?"), "<release>"),
    (re.compile(r"/[^\s'\",:]*/(site-packages|tests|clu)/[^\s'\",:]*"), "<path>"),
    (re.compile(r"amqp-client-[0-9a-f]{12}"), "amqp-client-<hex>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<hex>"),
    (re.compile(r"clu\.\w+\.<hex>"), "<generated>"),
    (re.compile(r"IncomingMessage:\{.*\}", re.DOTALL), "IncomingMessage:{...}"),
    (re.compile(r"(amq\.gen|ctag)[-\w.]+(<hex>)?"), "<generated>"),
    (re.compile(r" id='\d+'"), ""),
    # Ours does not tell the password, for which there are tests.
    (re.compile(r"amqp://guest:(guest|\*+)@(127\.0\.0\.1:<broker port>)/+"), r"amqp://\2/"),
    (re.compile(r"Task-\d+"), "Task-<n>"),
    # A legacy actor keeps the word that click used before 8.2, for which there are tests.
    (re.compile(r"\bNoSuchCommand: "), "UsageError: "),
]
_DEPTH = 7


def hide(text: str, name: str) -> str:
    """Let a string be shown under a name from now on."""
    HIDDEN[text] = name
    return text


def clean(text: str) -> str:
    for hidden, name in sorted(HIDDEN.items(), key=lambda item: -len(item[0])):
        text = text.replace(hidden, name)
    for pattern, name in _PATTERNS:
        text = pattern.sub(name, text)
    return text


def bases(cls: type) -> list[str]:
    """The names of the classes that an `except` could name."""
    return [base.__name__ for base in cls.__mro__ if base not in (object, cls)]


def raised(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    return {"raised": kind.__name__, "bases": bases(kind), "text": clean(str(error))}


def describe(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        name = value.name or value.value
        return f"<{type(value).__name__}.{name}>"
    if str(value) in HIDDEN and isinstance(value, int):
        return HIDDEN[str(value)]
    if isinstance(value, (int, float, complex)):
        plain = type(value) in (int, float)
        if plain and value == value and abs(value) != float("inf"):
            return value
        return f"<{type(value).__name__} {value!r}>"
    if isinstance(value, str):
        cleaned = clean(value)
        return cleaned if type(value) is str else f"<{type(value).__name__}> {cleaned}"
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": clean(bytes(value).decode(errors="backslashreplace"))}
    if isinstance(value, BaseException):
        return raised(value)
    if isinstance(value, mock.NonCallableMock):
        return "<mock>"
    if depth > _DEPTH:
        return "..."
    if isinstance(value, type):
        return f"<class {value.__name__}>"
    if isinstance(value, (datetime.datetime, datetime.date)):
        return f"<{type(value).__name__}>"
    return _describe_object(value, depth)


def _describe_object(value: Any, depth: int) -> Any:
    name = type(value).__name__
    known = {base.__name__ for base in type(value).__mro__}
    if "BaseCommand" in known:
        return {f"<{name}>": {"status": describe(value.status), "id": describe(value.command_id)}}
    if name == "Reply" and hasattr(value, "message_code"):
        fields = ("message_code", "message", "broadcast", "use_validation", "validated", "internal")
        shown = {field: describe(getattr(value, field), depth + 1) for field in fields}
        return {"<Reply>": shown | {"keywords": describe(value.keywords, depth + 1)}}
    if name == "AMQPReply":
        fields = ("message_code", "body", "sender", "internal", "is_valid", "command_id")
        fields += ("commander_id", "actor") if hasattr(value, "actor") else ("commander_id",)
        return {
            "<AMQPReply>": {f: describe(getattr(value, f, "<none>"), depth + 1) for f in fields}
        }
    if isinstance(value, Mapping):
        shown = {clean(_key(key)): describe(item, depth + 1) for key, item in value.items()}
        plain = isinstance(value, (dict, types.MappingProxyType))
        return shown if plain else {f"<{name}>": shown}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        listed = [describe(item, depth + 1) for item in items]
        return listed if isinstance(value, list) else {f"<{name}>": listed}
    if isinstance(value, asyncio.Task):
        return "<Task>"
    if isinstance(value, asyncio.Future):
        return f"<{name}>"
    if callable(value) and hasattr(value, "__name__"):
        return f"<function {value.__name__}>"
    text = clean(repr(value))
    return f"<{name}>" if text.startswith("<") else f"<{name}> {text}"


def _key(key: Any) -> str:
    return key if type(key) is str else f"{describe(key)}"
