"""Schemas judged by fastjsonschema, which makes Python code of them.

It is given a translation of a schema, in which it sees only what it judges as jsonschema does: no
``$id``, references within the document alone, none of the keywords of which it has an opinion of
its own (``contentEncoding``, ``format``), and strings that are harmless wherever they stand in
code. A schema that cannot be translated is none for it. So are, for the caller to see to, values
that JSON does not have.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compile_fast"]

_DRAFT = "http://json-schema.org/draft-07/schema"
_LARGEST = 2**63
#: The strings that may stand in code, and the patterns: no quotes, nothing that is not printable.
_HARMLESS = re.compile(r"[A-Za-z0-9_ .:/+-]*")
_HARMLESS_PATTERN = re.compile(r"[A-Za-z0-9_ .:/+*?^|,()\[\]{}\\-]*\$?")
#: Groups that are no plain ones and references to groups: jsonschema joins patterns.
_PECULIAR = re.compile(r"\(\?|\\[0-9]|\\$|\\\$$")
#: What ``$`` means in Python; fastjsonschema takes it for the end of the string alone.
_END = r"(?=\n?\Z)"

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_SIZES = tuple(f"{side}{of}" for side in ("min", "max") for of in ("Items", "Length", "Properties"))
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_ONE = ("not", "contains", "propertyNames", "additionalProperties", "if", "then", "else")
_SEVERAL = ("allOf", "anyOf", "oneOf")


class Unsuitable(Exception):
    """A schema on which the verdict of fastjsonschema might be another one."""


def compile_fast(schema: object) -> Callable[[object], bool] | None:
    """Compile a Draft 7 schema with fastjsonschema.

    Returns
    -------
    is_valid
        Gives the verdict of jsonschema on a value that is made of nothing but what ``json.loads``
        makes, and of tuples. None if fastjsonschema might not give it.
    """
    try:
        import fastjsonschema

        validate = fastjsonschema.compile(
            Translator(schema).translated(),
            use_default=False,
            use_formats=False,
            detailed_exceptions=False,
        )
    except Exception:  # it has several of its own, and those of Python's compiler
        return None

    def is_valid(value: object) -> bool:
        try:
            validate(value)
        except fastjsonschema.JsonSchemaValueException:
            return False
        return True

    return is_valid


class Translator:
    """Translates one schema, see the module.

    Parameters
    ----------
    schema
        The schema.
    """

    def __init__(self, schema: object) -> None:
        from jsonschema_specifications import REGISTRY
        from referencing.jsonschema import DRAFT7

        # No dictionary of the copy is there twice, and none is of a class of its own.
        self._root = json.loads(json.dumps(schema))
        if self._root != schema:
            raise Unsuitable("a schema that JSON cannot express")
        self._as_resource = DRAFT7.create_resource
        self._resolver = REGISTRY.resolver_with_root(self._as_resource(self._root))
        self._definitions: dict[str, Any] = {}
        self._names: dict[int, str] = {}

    def translated(self) -> dict[str, Any]:
        """Return the translation of the schema."""
        root = self._schema(self._root, self._resolver)
        return {"allOf": [root], "definitions": self._definitions}

    def _schema(self, schema: Any, resolver: Any) -> Any:
        if schema is True or schema is False:
            return schema
        if not isinstance(schema, dict):
            raise Unsuitable("not a schema")
        if schema is not self._root and "$schema" in schema:
            raise Unsuitable("a schema with a dialect of its own")
        if str(schema.get("$schema", _DRAFT)).removesuffix("#") != _DRAFT:
            raise Unsuitable("another dialect")
        if schema.get("$ref") is not None:
            return {"$ref": f"#/definitions/{self._reference(schema['$ref'], resolver)}"}
        new: dict[str, Any] = {}
        self._scalars(schema, new)
        self._containers(schema, new, resolver)
        return new

    def _within(self, schema: Any, resolver: Any) -> Any:
        """Translate a schema that is inside another one, and may have an identity."""
        if isinstance(schema, dict):
            resolver = resolver.in_subresource(self._as_resource(schema))
        return self._schema(schema, resolver)

    def _reference(self, reference: Any, resolver: Any) -> str:
        found = resolver.lookup(reference)  # without a way to other machines
        name = self._names.get(id(found.contents))
        if name is None:
            name = self._names[id(found.contents)] = f"r{len(self._names)}"
            self._definitions[name] = self._schema(found.contents, found.resolver)
        return name

    def _scalars(self, schema: dict[str, Any], new: dict[str, Any]) -> None:
        if "type" in schema:
            names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            if not names or any(name not in _TYPES for name in names):
                raise Unsuitable("not a type")
            new["type"] = names
        for keyword in _SIZES:
            if keyword in schema:
                new[keyword] = _size(schema[keyword])
        for keyword in _LIMITS:
            if keyword in schema:
                new[keyword] = _number(schema[keyword])
        if "pattern" in schema:
            new["pattern"] = _pattern(schema["pattern"])
        if "required" in schema:
            new["required"] = _names(schema["required"])
        if "multipleOf" in schema or schema.get("uniqueItems"):
            raise Unsuitable("fastjsonschema compares and divides numbers in its own way")
        if "enum" in schema or "const" in schema:
            choices = [[schema["const"]]] if "const" in schema else []
            choices += [schema["enum"]] if "enum" in schema else []
            new["allOf"] = [{"anyOf": _choices(options)} for options in choices]

    def _containers(self, schema: dict[str, Any], new: dict[str, Any], resolver: Any) -> None:
        for keyword in _ONE:
            if keyword in schema:
                new[keyword] = self._within(schema[keyword], resolver)
        if "if" not in schema:
            new.pop("then", None)
            new.pop("else", None)
        for keyword in _SEVERAL:
            if keyword in schema:
                group = [self._within(each, resolver) for each in _list(schema[keyword])]
                new[keyword] = [*new.get(keyword, []), *group]
        for keyword, check in (("properties", _name), ("patternProperties", _pattern)):
            if keyword in schema:
                new[keyword] = {
                    check(name): self._within(each, resolver)
                    for name, each in schema[keyword].items()
                }
        if "items" in schema:
            self._items(schema, new, resolver)
        if "dependencies" in schema:
            # Each as a condition, of which fastjsonschema has fewer opinions.
            for name, each in schema["dependencies"].items():
                then = (
                    {"required": _names(each)}
                    if isinstance(each, list)
                    else self._within(each, resolver)
                )
                condition = {"type": ["object"], "required": [_name(name)]}
                new.setdefault("allOf", []).append({"if": condition, "then": then})

    def _items(self, schema: dict[str, Any], new: dict[str, Any], resolver: Any) -> None:
        items = schema["items"]
        if not isinstance(items, list):
            if isinstance(items, bool) and "additionalItems" in schema:
                raise Unsuitable("jsonschema raises an error")
            new["items"] = self._within(items, resolver)
            return
        new["items"] = [self._within(each, resolver) for each in items]
        if "additionalItems" in schema:
            new["additionalItems"] = self._within(schema["additionalItems"], resolver)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise Unsuitable("not a list of schemas")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _HARMLESS.fullmatch(value):
        raise Unsuitable("a string that might not be harmless in code")
    return value


def _names(values: Any) -> list[str]:
    if not isinstance(values, list):
        raise Unsuitable("not a list of names")
    return sorted({_name(value) for value in values})


def _pattern(value: Any) -> str:
    if not _HARMLESS_PATTERN.fullmatch(value) or _PECULIAR.search(value):
        raise Unsuitable("a pattern that might not be harmless in code, or have another meaning")
    re.compile(value)
    return value[:-1] + _END if value.endswith("$") else str(value)


def _size(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise Unsuitable("not a size")
    return int(number)


def _number(value: Any) -> int | float:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise Unsuitable("not a number that Python code can express")


def _choices(options: Any) -> list[dict[str, Any]]:
    """Translate what an ``enum`` allows, by types: for Python, True is 1."""
    groups: dict[str, list[Any]] = {}
    for option in _list(options):
        if isinstance(option, bool):
            groups.setdefault("boolean", []).append(option)
        elif isinstance(option, (int, float)):
            groups.setdefault("number", []).append(_number(option))
        elif option is None:
            groups.setdefault("null", []).append(option)
        else:
            groups.setdefault("string", []).append(_name(option))
    return [{"type": [kind], "enum": values} for kind, values in groups.items()]
