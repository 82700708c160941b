"""The keywords of an actor as typed dictionaries, from its JSON schema."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any

from clu._remote.names import python_name

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["keyword_classes"]

_TYPES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "array": "list[Any]",
    "object": "dict[str, Any]",
}
#: How deep objects in objects have classes of their own.
_DEPTH = 5


def keyword_classes(schema: dict[str, Any] | None) -> list[str]:
    """Return the class ``Keywords``, and before it those of keywords that are objects.

    Parameters
    ----------
    schema
        The schema, or None if there is none.
    """
    properties = (schema or {}).get("properties")
    classes = _Classes()
    classes.write("Keywords", properties if isinstance(properties, dict) else {}, _DEPTH)
    return classes.written


class _Classes:
    def __init__(self) -> None:
        self.written: list[str] = []
        self._taken = {"Keywords"}

    def write(self, name: str, properties: dict[str, Any], depth: int) -> None:
        """Write a class for an object."""
        members = [
            (key, self._type(definition, f"{name.lstrip('_')}_{key}", depth), _comment(definition))
            for key, definition in properties.items()
        ]
        if all(key.isidentifier() and not keyword.iskeyword(key) for key, _, _ in members):
            lines = [f"class {name}(TypedDict, total=False):"]
            for key, source, comment in members:
                lines += [f"    # {comment}"] * bool(comment)
                lines.append(f"    {key}: {source}")
            if not members:
                lines[0] += " ..."
        else:
            lines = [f"{name} = TypedDict(", f'    "{name}",', "    {"]
            for key, source, comment in members:
                lines += [f"        # {comment}"] * bool(comment)
                lines.append(f"        {key!a}: {source},")
            lines += ["    },", "    total=False,", ")"]
        self.written.append("\n".join(lines) + "\n")

    def _type(self, definition: Any, path: str, depth: int) -> str:
        if not isinstance(definition, dict):  # true and false are schemas too
            return "Any"
        if "const" in definition:
            return _literal([definition["const"]])
        if isinstance(values := definition.get("enum"), list):
            return _literal(values)
        for name in ("oneOf", "anyOf"):
            if isinstance(choices := definition.get(name), list) and choices:
                return _union(self._type(choice, path, depth) for choice in choices)
        kind = definition.get("type")
        if isinstance(kind, list):
            return _union(self._type({**definition, "type": each}, path, depth) for each in kind)
        if kind == "array":
            return self._array(definition.get("items"), path, depth)
        inner = definition.get("properties")
        if isinstance(inner, dict) and inner and depth:
            name = self._name_of(path)
            self.write(name, inner, depth - 1)
            return name
        return _TYPES.get(kind, "Any") if isinstance(kind, str) else "Any"

    def _array(self, items: Any, path: str, depth: int) -> str:
        if isinstance(items, dict):
            return f"list[{self._type(items, path, depth)}]"
        if isinstance(items, list) and items:
            return f"list[{_union(self._type(item, path, depth) for item in items)}]"
        return "list[Any]"

    def _name_of(self, path: str) -> str:
        words = python_name(path).removeprefix("Keywords_").split("_")
        name = "_" + "".join(word[:1].upper() + word[1:] for word in words) + "Keyword"
        name = python_name(name, self._taken)
        self._taken.add(name)
        return name


def _union(types: Iterable[str]) -> str:
    found = list(dict.fromkeys(types))
    return "Any" if "Any" in found else " | ".join(found)


def _literal(values: list[Any]) -> str:
    if all(value is None or isinstance(value, (str, bool, int)) for value in values) and values:
        return f"Literal[{', '.join(map(ascii, values))}]"
    return _union(_TYPES[_kind(value)] for value in values) if values else "Any"


def _kind(value: Any) -> str:
    kinds = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    return kinds.get(type(value), "array" if isinstance(value, list) else "object")


def _comment(definition: Any) -> str:
    if not isinstance(definition, dict):
        return ""
    text = " ".join(str(definition.get("description", definition.get("title", ""))).split())
    unit = definition.get("unit", definition.get("units"))
    shown = "".join(letter for letter in text if letter.isprintable())
    return f"{shown} [{unit}]".strip() if isinstance(unit, str) and unit.isprintable() else shown
