"""Schemas of keyword models: the default keywords, and how a schema is read."""

from __future__ import annotations

import copy
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from clu._core.references import read_with_references
from clu.exceptions import CluValueError

_TEXTS = {"oneOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}

EXCEPTION_SCHEMA: dict[str, Any] = {
    "oneOf": [
        {"type": "array", "items": {"type": "string"}},
        {"type": "string"},
        {
            "type": "object",
            "properties": {
                "module": {"type": "string"},
                "type": {"type": "string"},
                "message": {"type": "string"},
                "filename": {"oneOf": [{"type": "string"}, {"type": "null"}]},
                "lineno": {"oneOf": [{"type": "integer"}, {"type": "null"}]},
                "traceback": _TEXTS,
            },
        },
    ]
}

#: The schema of an actor without one: the default keywords are added to it.
EMPTY_SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {},
}

#: The keywords that every actor has.
DEFAULT_SCHEMA: dict[str, Any] = {
    "text": {"type": "string"},
    "schema": {"type": "string"},
    "version": {"type": "string"},
    "help": _TEXTS,
    "error": EXCEPTION_SCHEMA,
    "exception": EXCEPTION_SCHEMA,
    "exception_info": EXCEPTION_SCHEMA,
    "yourUserID": {"type": "integer"},
    "UserInfo": {"type": "array", "items": [{"type": "integer"}, {"type": "string"}]},
    "num_users": {"type": "integer"},
    "command_model": {"oneOf": [{"type": "array"}, {"type": "object"}]},
}


def names_file(schema: object) -> bool:
    """Whether a schema is the path of an existing file."""
    if not isinstance(schema, (str, os.PathLike)):
        return False
    try:
        return pathlib.Path(schema).is_file()
    except (OSError, ValueError):  # a JSON string is too long for a path, or has a NUL
        return False


def read_schema(schema: object, is_file: bool | None) -> Any:
    """Return a schema as a new dictionary.

    Parameters
    ----------
    schema
        A dictionary, a JSON string, a path or a pydantic model. A file may refer to files beside
        it.
    is_file
        Whether a string is a path; detected automatically if None.

    Raises
    ------
    CluValueError
        If it cannot be parsed.
    OSError
        If the file cannot be read.
    """
    if isinstance(schema, Mapping):
        return copy.deepcopy(dict(schema))
    if isinstance(schema, type) and hasattr(schema, "model_json_schema"):
        return schema.model_json_schema()
    if not isinstance(schema, (str, os.PathLike)):
        return schema
    is_path = isinstance(schema, os.PathLike)
    if is_path and is_file is False:
        return schema
    if is_file is None:
        is_file = is_path or names_file(schema)
    path = pathlib.Path(schema)
    if is_file:
        path.stat()  # that a file is missing is another error than one in a reference
    try:
        return read_with_references(path) if is_file else json.loads(str(schema))
    except (OSError, ValueError) as error:
        raise CluValueError(f"cannot parse input schema. {error}") from error


def complete_schema(schema: dict[str, Any], additional_properties: bool) -> dict[str, Any]:
    """Add the default keywords and settings to a schema, in place."""
    for keyword, definition in DEFAULT_SCHEMA.items():
        schema["properties"].setdefault(keyword, copy.deepcopy(definition))
    schema.pop("required", None)  # a reply never has all the keywords
    schema.setdefault("additionalProperties", additional_properties)
    return schema
