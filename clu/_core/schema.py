"""Schemas of keyword models: the default keywords, and how a schema is read."""

from __future__ import annotations

import copy
import difflib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from clu._core.config_source import ConfigSource
from clu._core.references import read_with_references
from clu.exceptions import CluValueError, also

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
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
    if is_file and not path.exists():  # that is another error than one in a reference
        raise also(CluValueError, FileNotFoundError)(_no_file(path))
    try:
        return read_with_references(path) if is_file else json.loads(str(schema))
    except (OSError, ValueError) as error:
        reason = f"{path}: {error}" if is_file else str(error)
        if not is_file and _looks_like_path(str(schema)):
            reason = _no_file(path)
        raise CluValueError(f"cannot parse input schema. {reason}") from error


def _looks_like_path(text: str) -> bool:
    """Whether a string that is not JSON is meant as a path."""
    return (
        bool(text.strip())
        and "\n" not in text
        and text.lstrip()[0] not in '{["'
        and len(text) < 500
    )


def _no_file(path: pathlib.Path) -> str:
    folder = path.parent
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    close = difflib.get_close_matches(path.name, names, 1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"There is no file {path.absolute()}.{hint}"


def why_invalid(name: str, schema: Any, source: Any) -> str:
    """Return why a schema is not valid: the file and the line, if there are any, and the key.

    Parameters
    ----------
    name
        The name of the model.
    schema
        The schema.
    source
        What it was read from.
    """
    text = f"schema {name!r} is invalid."
    if not isinstance(schema, dict):
        return f"{text} It must be a dictionary, not {schema!r}."
    import jsonschema

    try:
        jsonschema.Draft7Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        where = ConfigSource(source).of(*error.absolute_path) if names_file(source) else ""
        key = ".".join(map(str, error.absolute_path)) or "the top level"
        value = error.instance
        reason = f"{error.message}."
        if error.absolute_path and error.absolute_path[-1] == "type":
            close = difflib.get_close_matches(str(value), _TYPES, 1)
            hint = f" Did you mean {close[0]!r}?" if close else f" Use {', '.join(_TYPES)}."
            reason = f"{value!r} is not a type.{hint}"
        return f"{text} {where}{': ' if where else ''}{key}: {reason}"
    return text


def why_no_object(schema: dict[str, Any]) -> str:
    """Return why a schema is not one of an object with keywords."""
    text = "Schema must be of type object."
    if (kind := schema.get("type", "object")) != "object":
        return f"{text} Its type is {kind!r}."
    close = difflib.get_close_matches("properties", [str(key) for key in schema], 1)
    hint = f" {close[0]!r} may be meant." if close else ""
    return f"{text} It has no 'properties'.{hint}"


def complete_schema(schema: dict[str, Any], additional_properties: bool) -> dict[str, Any]:
    """Add the default keywords and settings to a schema, in place."""
    for keyword, definition in DEFAULT_SCHEMA.items():
        schema["properties"].setdefault(keyword, copy.deepcopy(definition))
    schema.pop("required", None)  # a reply never has all the keywords
    schema.setdefault("additionalProperties", additional_properties)
    return schema
