"""The keywords of an actor, as its JSON schema describes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from clu._core.schema import DEFAULT_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Keyword", "decoded_schema", "keywords_of"]

#: How deep objects in objects are described.
_DEPTH = 5


class Keyword(NamedTuple):
    """A keyword, or a member of one that is an object.

    Attributes
    ----------
    name
        Its name; a member has that of the keyword before it, with a dot.
    type
        The type of its values.
    unit
        Their unit.
    range
        Which values there are, if not all of the type.
    description
        What they mean.
    usual
        Whether every actor has it.
    """

    name: str
    type: str
    unit: str
    range: str
    description: str
    usual: bool


def decoded_schema(schema: Any) -> dict[str, Any] | None:
    """Return a JSON schema, which may be a string, or None if it is not one of an object."""
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except ValueError:
            return None
    return schema if isinstance(schema, dict) else None


def keywords_of(schema: Any) -> list[Keyword] | None:
    """Return the keywords in a JSON schema, or None if it is not one of an object.

    Parameters
    ----------
    schema
        The schema, maybe as a string.
    """
    schema = decoded_schema(schema)
    properties = None if schema is None else schema.get("properties")
    return list(_members("", properties, _DEPTH)) if isinstance(properties, dict) else None


def _members(prefix: str, properties: dict[str, Any], depth: int) -> Iterator[Keyword]:
    for name, definition in properties.items():
        if not isinstance(definition, dict):  # true and false are schemas too
            definition = {}
        yield Keyword(
            f"{prefix}{name}",
            _type(definition),
            str(definition.get("unit", definition.get("units", ""))),
            _range(definition),
            str(definition.get("description", definition.get("title", ""))),
            not prefix and DEFAULT_SCHEMA.get(name) == definition,
        )
        inner = definition.get("properties")
        if isinstance(inner, dict) and depth:
            yield from _members(f"{prefix}{name}.", inner, depth - 1)


def _type(definition: dict[str, Any]) -> str:
    kind = definition.get("type", "")
    if isinstance(kind, list):
        return " or ".join(map(str, kind))
    for name in ("oneOf", "anyOf"):
        if isinstance(choices := definition.get(name), list):
            types = [_type(choice) for choice in choices if isinstance(choice, dict)]
            return " or ".join(dict.fromkeys(filter(None, types)))
    items = definition.get("items")
    if kind == "array" and isinstance(items, dict) and (inner := _type(items)):
        return f"array of {inner}"
    if kind == "array" and isinstance(items, list):
        inner = ", ".join(_type(item) if isinstance(item, dict) else "" for item in items)
        return f"array of ({inner})"
    return str(kind)


def _range(definition: dict[str, Any]) -> str:
    if "const" in definition:
        return json.dumps(definition["const"])
    if isinstance(values := definition.get("enum"), list):
        return ", ".join(map(json.dumps, values))
    parts = [
        _limits(definition, "minimum", "maximum", ""),
        _limits(definition, "minLength", "maxLength", " characters"),
        _limits(definition, "minItems", "maxItems", " items"),
    ]
    for name, sign in (("exclusiveMinimum", ">"), ("exclusiveMaximum", "<")):
        if name in definition:
            parts.append(f"{sign} {definition[name]}")
    if "multipleOf" in definition:
        parts.append(f"multiples of {definition['multipleOf']}")
    if "pattern" in definition:
        parts.append(f"/{definition['pattern']}/")
    if not any(parts) and isinstance(items := definition.get("items"), dict):
        return _range(items)
    return ", ".join(filter(None, parts))


def _limits(definition: dict[str, Any], low: str, high: str, what: str) -> str:
    if low in definition and high in definition:
        first, last = definition[low], definition[high]
        return f"{first}{what}" if first == last and what else f"{first} to {last}{what}"
    if low in definition:
        return f"≥ {definition[low]}{what}"
    return f"≤ {definition[high]}{what}" if high in definition else ""
