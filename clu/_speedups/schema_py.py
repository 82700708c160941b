# cython: annotation_typing=False, auto_pickle=False
# (compiled, an argument annotated as dict would refuse subclasses; the types are in the .pxd)
"""Draft 7 schemas compiled into a tree of nodes that give a verdict, and nothing else.

The verdict is that of ``jsonschema.Draft7Validator`` with tuples counted as arrays; where that
validator raises (a property name that is not a string meets a pattern, a value nested beyond the
interpreter's recursion limit) the verdict is `False`. What went wrong is for jsonschema to tell.
A schema that the tree cannot express (remote references, nested ``$id``) is left to libraries:
fastjsonschema where it gives the same verdict, else jsonschema.

One source, however long: the nodes of the tree call each other as C functions.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from numbers import Number as AnyNumber
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CompiledSchema", "compile_schema"]

MAX_DEPTH = 500
"""Nodes on the way to a value; jsonschema meets the recursion limit at about as many."""
MAX_NESTING = 100
"""Schemas within schemas."""
UNBOUNDED = sys.maxsize


class CompiledSchema:
    """A schema ready to judge instances.

    Parameters
    ----------
    schema
        The schema, which is read once: later changes of it need another compilation.
    """

    __slots__ = ("root", "schema")

    def __init__(self, schema: Mapping[str, Any] | bool) -> None:
        self.schema = schema
        try:
            self.root = Compiler(schema).node(schema, 0)
        except Exception:
            self.root = Foreign(schema)

    def __reduce__(self) -> tuple[Any, ...]:
        return CompiledSchema, (self.schema,)

    def is_valid(self, instance: object) -> bool:
        """Tell whether the instance satisfies the schema; never raises."""
        try:
            return self.root.check(instance, 0)
        except Exception:
            return False


def compile_schema(schema: Mapping[str, Any] | bool) -> CompiledSchema:
    """Compile a Draft 7 schema.

    Parameters
    ----------
    schema
        The schema, see `CompiledSchema`.

    Returns
    -------
    compiled
        An object whose ``is_valid(instance)`` gives the verdict.
    """
    return CompiledSchema(schema)


class Node:
    """A part of a schema; on its own, the one that everything satisfies."""

    __slots__ = ()

    def check(self, value: object, depth: int) -> bool:
        return True


class Wrapper(Node):
    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node


class Group(Node):
    __slots__ = ("nodes",)

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes


class Foreign(Node):
    """A whole schema judged by libraries, which are slow to import.

    fastjsonschema judges plain values, if it gives the verdict of jsonschema on this schema.
    """

    __slots__ = ("fast", "is_new", "schema", "validator")

    def __init__(self, schema: object) -> None:
        self.schema = schema
        self.is_new = True
        self.fast: Any = None
        self.validator: Any = None

    def check(self, value: object, depth: int) -> bool:
        if self.is_new:
            from clu._speedups.fast_schema import compile_fast

            self.fast = compile_fast(self.schema)
            self.is_new = False
        if self.fast is not None and is_plain(value, 0):
            try:
                return bool(self.fast(value))
            except Exception:  # such as a RecursionError
                self.fast = None
        return self.check_slowly(value)

    def check_slowly(self, value: object) -> bool:
        try:
            if self.validator is None:
                self.validator = draft7(self.schema)
            return bool(self.validator.is_valid(value))
        except BaseException as error:
            # jsonschema's rpds panics, with a BaseException, where the recursion is too deep.
            if type(error).__name__ != "PanicException":
                raise
            return False


class Reference(Node):
    """A ``$ref``, which may lead back to a schema that contains it."""

    __slots__ = ("target",)

    def __init__(self) -> None:
        self.target = ANYTHING

    def check(self, value: object, depth: int) -> bool:
        if depth > MAX_DEPTH:
            raise RecursionError("the value is nested too deeply")
        return self.target.check(value, depth + 1)


class Type(Node):
    """The ``type`` keyword; of no type at all, the schema `False`."""

    __slots__ = ("exact", "first", "names", "second")

    def __init__(self, names: Sequence[str]) -> None:
        exact = [kind for name in names for kind in TYPES[name]]
        self.names = tuple(names)
        self.first = exact[0] if exact else None
        self.second = exact[-1] if exact else None
        self.exact = frozenset(exact)

    def check(self, value: object, depth: int) -> bool:
        kind = type(value)
        if kind is self.first or kind is self.second or kind in self.exact:
            return True
        for name in self.names:
            if has_type(value, name):
                return True
        return False


class Object(Node):
    __slots__ = ("extra", "known", "least", "most", "others", "patterns", "properties", "required")

    def __init__(self, others: bool, least: int, most: int, required: Sequence[str]) -> None:
        self.others = others
        self.least = least
        self.most = most
        self.required = tuple(required)
        self.properties: dict[object, Node] = {}
        self.patterns: list[tuple[re.Pattern[str], Node]] = []
        self.known: re.Pattern[str] | None = None
        self.extra: Node | None = None

    def check(self, value: Any, depth: int) -> bool:
        if type(value) is not dict and not isinstance(value, dict):
            return self.others
        if not self.least <= len(value) <= self.most:
            return False
        for name in self.required:
            if name not in value:
                return False
        properties = self.properties
        for name, item in value.items():
            node = properties.get(name)
            if node is None:
                node = self.extra
                if node is not None and self.known is not None and matches(self.known, name):
                    node = None
            if node is not None and not node.check(item, depth + 1):
                return False
            if self.patterns and not self.check_patterns(name, item, depth):
                return False
        return True

    def check_patterns(self, name: object, item: object, depth: int) -> bool:
        for pattern, node in self.patterns:
            if matches(pattern, name) and not node.check(item, depth + 1):
                return False
        return True


class PropertyNames(Wrapper):
    __slots__ = ()

    def check(self, value: object, depth: int) -> bool:
        if isinstance(value, dict):
            for name in value:
                if not self.node.check(name, depth + 1):
                    return False
        return True


class Dependency(Node):
    """What an object must satisfy when it has a property."""

    __slots__ = ("name", "node")

    def __init__(self, name: str, node: Node) -> None:
        self.name = name
        self.node = node

    def check(self, value: object, depth: int) -> bool:
        if isinstance(value, dict) and self.name in value:
            return self.node.check(value, depth + 1)
        return True


class Array(Node):
    __slots__ = ("item", "least", "most", "others")

    def __init__(self, others: bool, least: int, most: int, item: Node | None) -> None:
        self.others = others
        self.least = least
        self.most = most
        self.item = item

    def check(self, value: Any, depth: int) -> bool:
        if type(value) is not list and not isinstance(value, (list, tuple)):
            return self.others
        if not self.least <= len(value) <= self.most:
            return False
        node = self.item
        if node is not None:
            for item in value:
                if not node.check(item, depth + 1):
                    return False
        return True


class Positions(Node):
    """The items of an array, each with its own schema, and those after them."""

    __slots__ = ("nodes", "rest")

    def __init__(self, nodes: list[Node], rest: Node) -> None:
        self.nodes = nodes
        self.rest = rest

    def check(self, value: object, depth: int) -> bool:
        if isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                node = self.nodes[index] if index < len(self.nodes) else self.rest
                if not node.check(item, depth + 1):
                    return False
        return True


class Contains(Wrapper):
    __slots__ = ()

    def check(self, value: object, depth: int) -> bool:
        if not isinstance(value, (list, tuple)):
            return True
        for item in value:
            if self.node.check(item, depth + 1):
                return True
        return False


class Unique(Node):
    __slots__ = ()

    def check(self, value: object, depth: int) -> bool:
        return not isinstance(value, (list, tuple)) or unique(value, depth)


class String(Node):
    __slots__ = ("least", "most", "others", "pattern")

    def __init__(self, others: bool, least: int, most: int, pattern: str | None) -> None:
        self.others = others
        self.least = least
        self.most = most
        self.pattern = None if pattern is None else re.compile(pattern)

    def check(self, value: Any, depth: int) -> bool:
        if type(value) is not str and not isinstance(value, str):
            return self.others
        if not self.least <= len(value) <= self.most:
            return False
        return self.pattern is None or self.pattern.search(value) is not None


class Number(Node):
    __slots__ = ("above", "below", "maximum", "minimum", "others", "whole")

    def __init__(
        self, others: bool, whole: bool, minimum: Any, maximum: Any, above: Any, below: Any
    ) -> None:
        self.others = others
        self.whole = whole
        self.minimum = minimum
        self.maximum = maximum
        self.above = above
        self.below = below

    def check(self, value: Any, depth: int) -> bool:
        kind = type(value)
        if kind is not float and kind is not int and not is_number(value):
            return self.others
        if self.whole and kind is not int and not has_type(value, "integer"):
            return False
        # Not "minimum <= value": NaN is on no side of a limit, and therefore within it.
        return not (
            (self.minimum is not None and value < self.minimum)
            or (self.maximum is not None and value > self.maximum)
            or (self.above is not None and value <= self.above)
            or (self.below is not None and value >= self.below)
        )


class Multiple(Node):
    __slots__ = ("divisor",)

    def __init__(self, divisor: Any) -> None:
        self.divisor = divisor

    def check(self, value: Any, depth: int) -> bool:
        if not is_number(value):
            return True
        if not isinstance(self.divisor, float):
            return not value % self.divisor
        quotient = value / self.divisor
        if math.isinf(quotient):
            from fractions import Fraction

            return (Fraction(value) / Fraction(self.divisor)).denominator == 1
        return bool(int(quotient) == quotient)


class Choice(Node):
    """The values of an ``enum``, or the one of a ``const``."""

    __slots__ = ("options", "others", "scalars")

    def __init__(self, options: Sequence[Any]) -> None:
        found = {kind: [each for each in options if type(each) is kind] for kind in SCALARS}
        found[int] = found[float] = found[int] + found[float]
        self.scalars: dict[type, frozenset[Any]] = {
            kind: frozenset(values) for kind, values in found.items()
        }
        self.options = tuple(options)
        self.others = any(type(each) not in SCALARS for each in options)

    def check(self, value: object, depth: int) -> bool:
        values = self.scalars.get(type(value))
        if values is not None and (value in values or not self.others):
            return value in values
        for option in self.options:
            if equal(option, value, depth):
                return True
        return False


class AllOf(Group):
    __slots__ = ()

    def check(self, value: object, depth: int) -> bool:
        for node in self.nodes:
            if not node.check(value, depth):
                return False
        return True


class AnyOf(Group):
    __slots__ = ()

    def check(self, value: object, depth: int) -> bool:
        for node in self.nodes:
            if node.check(value, depth + 1):
                return True
        return False


class OneOf(Group):
    __slots__ = ()

    def check(self, value: object, depth: int) -> bool:
        found = False
        for node in self.nodes:
            if node.check(value, depth + 1):
                if found:
                    return False
                found = True
        return found


class Not(Wrapper):
    __slots__ = ()

    def check(self, value: object, depth: int) -> bool:
        return not self.node.check(value, depth + 1)


class Conditional(Node):
    __slots__ = ("condition", "otherwise", "then")

    def __init__(self, condition: Node, then: Node, otherwise: Node) -> None:
        self.condition = condition
        self.then = then
        self.otherwise = otherwise

    def check(self, value: object, depth: int) -> bool:
        node = self.then if self.condition.check(value, depth + 1) else self.otherwise
        return node.check(value, depth + 1)


class Compiler:
    """Builds the tree of one schema; raises when the tree cannot express it."""

    __slots__ = ("references", "root")

    def __init__(self, root: Any) -> None:
        self.root = root
        self.references: dict[str, Reference] = {}

    def node(self, schema: Any, nesting: int) -> Node:
        if schema is True:
            return ANYTHING
        if schema is False:
            return NOTHING
        if not isinstance(schema, dict) or nesting > MAX_NESTING:
            raise ValueError("not a schema")
        if nesting and ("$id" in schema or "$schema" in schema):
            raise ValueError("a schema with an identity or a dialect of its own")
        if schema.get("$ref") is not None:
            return self.reference(schema["$ref"], nesting)
        nodes = [*self.typed(schema, nesting), *self.untyped(schema, nesting)]
        if len(nodes) > 1:
            return AllOf(nodes)
        return nodes[0] if nodes else ANYTHING

    def nodes(self, schemas: Sequence[Any], nesting: int) -> list[Node]:
        return [self.node(schema, nesting + 1) for schema in schemas]

    def typed(self, schema: dict[str, Any], nesting: int) -> list[Node]:
        """Compile the keywords about one type, with ``type`` itself where that is the same."""
        name = schema.get("type")
        nodes: list[Node] = []
        for names, keywords, build in BUILDERS:
            if not keywords.isdisjoint(schema):
                nodes.append(build(self, schema, name not in names, nesting))
                name = None if name in names else name
        if name is None:
            return nodes
        return [Type([name] if isinstance(name, str) else name), *nodes]

    def object_node(self, schema: dict[str, Any], others: bool, nesting: int) -> Node:
        node = Object(others, *sizes(schema, "Properties"), schema.get("required", ()))
        for name, each in schema.get("properties", {}).items():
            node.properties[name] = self.node(each, nesting + 1)
        patterns = schema.get("patternProperties", {})
        for pattern, each in patterns.items():
            node.patterns.append((re.compile(pattern), self.node(each, nesting + 1)))
        if schema.get("additionalProperties", True) is not True:
            node.extra = self.node(schema["additionalProperties"], nesting + 1)
            node.known = re.compile("|".join(patterns)) if any(patterns) else None
        return node

    def array_node(self, schema: dict[str, Any], others: bool, nesting: int) -> Node:
        items = schema.get("items", True)
        each = None if items is True or is_array(items) else self.node(items, nesting + 1)
        return Array(others, *sizes(schema, "Items"), each)

    def string_node(self, schema: dict[str, Any], others: bool, nesting: int) -> Node:
        return String(others, *sizes(schema, "Length"), schema.get("pattern"))

    def number_node(self, schema: dict[str, Any], others: bool, nesting: int) -> Node:
        limits = [schema.get(keyword) for keyword in LIMITS]
        return Number(others, schema.get("type") == "integer", *limits)

    def untyped(self, schema: dict[str, Any], nesting: int) -> list[Node]:
        nodes: list[Node] = []
        for keyword, value in schema.items():
            if keyword == "enum":
                nodes.append(Choice(value))
            elif keyword == "const":
                nodes.append(Choice([value]))
            elif keyword in GROUPS:
                nodes.append(GROUPS[keyword](self.nodes(value, nesting)))
            elif keyword in WRAPPERS:
                nodes.append(WRAPPERS[keyword](self.node(value, nesting + 1)))
            elif keyword == "if":
                branches = [value, schema.get("then", True), schema.get("else", True)]
                nodes.append(Conditional(*self.nodes(branches, nesting)))
            elif keyword == "items" and is_array(value):
                rest = self.node(schema.get("additionalItems", True), nesting + 1)
                nodes.append(Positions(self.nodes(value, nesting), rest))
            elif keyword == "dependencies":
                nodes.extend(self.dependencies(value, nesting))
            elif keyword == "multipleOf":
                nodes.append(Multiple(value))
            elif keyword == "uniqueItems" and value:
                nodes.append(Unique())
        return nodes

    def dependencies(self, value: dict[str, Any], nesting: int) -> list[Node]:
        return [
            Dependency(
                name,
                Object(True, 0, UNBOUNDED, each)
                if is_array(each)
                else self.node(each, nesting + 1),
            )
            for name, each in value.items()
        ]

    def reference(self, pointer: str, nesting: int) -> Node:
        if pointer not in self.references:
            self.references[pointer] = reference = Reference()
            reference.target = self.node(self.resolve(pointer), nesting + 1)
        return self.references[pointer]

    def resolve(self, pointer: str) -> Any:
        """Find what a pointer within the document, ``#/definitions/name``, points at."""
        if pointer[:2] not in ("#", "#/"):
            raise ValueError("a reference to elsewhere")
        target = self.root
        for part in unquote(pointer).split("/")[1:]:
            if target is not self.root and "$id" in target:
                raise ValueError("a reference into a schema with an identity of its own")
            array = is_array(target)
            target = target[int(part) if array else part.replace("~1", "/").replace("~0", "~")]
        return target


def draft7(schema: object) -> Any:
    from jsonschema import Draft7Validator, validators

    types = Draft7Validator.TYPE_CHECKER.redefine("array", lambda _, value: is_array(value))
    extend: Any = validators.extend
    return extend(Draft7Validator, type_checker=types)(schema)


def sizes(schema: dict[str, Any], of: str) -> tuple[int, int]:
    """Read a pair of keywords such as ``minItems`` and ``maxItems``, which may be 2.0 or huge."""
    least = math.ceil(schema.get(f"min{of}", 0))
    most = math.floor(schema.get(f"max{of}", UNBOUNDED))
    return min(max(least, 0), UNBOUNDED), max(min(most, UNBOUNDED), -1)


def is_array(value: object) -> bool:
    return isinstance(value, (list, tuple))


def is_plain(value: Any, depth: int) -> bool:
    """Whether a value is made of nothing but what ``json.loads`` makes, and of tuples."""
    kind = type(value)
    if kind is str or kind is float or kind is int or kind is bool or value is None:
        return True
    if depth > MAX_DEPTH:
        return False
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or not is_plain(item, depth + 1):
                return False
        return True
    if kind is list or kind is tuple:
        for item in value:
            if not is_plain(item, depth + 1):
                return False
        return True
    return False


def has_type(value: object, name: str) -> bool:
    if name == "number":
        return is_number(value)
    if name == "integer":
        if isinstance(value, float):
            return value.is_integer()
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def is_number(value: object) -> bool:
    if isinstance(value, (float, int)):
        return not isinstance(value, bool)
    return isinstance(value, AnyNumber)


def matches(pattern: re.Pattern[str], name: object) -> bool:
    return isinstance(name, str) and pattern.search(name) is not None


def equal(one: Any, two: Any, depth: int) -> bool:
    """Compare as JSON does: ``True`` is not 1, at any depth, but 1 is 1.0."""
    if one is two:
        return True
    if depth > MAX_DEPTH:
        raise RecursionError("the value is nested too deeply")
    if isinstance(one, str) or isinstance(two, str):
        return bool(one == two)
    if isinstance(one, Sequence) and isinstance(two, Sequence):
        if len(one) != len(two):
            return False
        for each, other in zip(one, two, strict=False):
            if not equal(each, other, depth + 1):
                return False
        return True
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        if len(one) != len(two):
            return False
        for key, each in one.items():
            if key not in two or not equal(each, two[key], depth + 1):
                return False
        return True
    return not isinstance(one, bool) and not isinstance(two, bool) and bool(one == two)


def unique(items: Sequence[Any], depth: int) -> bool:
    """Compare sorted neighbours, or all pairs where there is no order, as jsonschema does."""
    pairs: Iterable[tuple[Any, Any]]
    try:
        if any(isinstance(item, bool) for item in items):
            raise TypeError("JSON does not order booleans with numbers")
        pairs = pairwise(sorted(items))
    except TypeError:
        pairs = combinations(items, 2)
    for one, two in pairs:
        if equal(one, two, depth):
            return False
    return True


TYPES: dict[str, tuple[type, ...]] = {
    "array": (list, tuple),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (float, int),
    "object": (dict,),
    "string": (str,),
}
ANYTHING = Node()
NOTHING = Type(())
SCALARS = (str, int, float, bool, type(None))
OBJECT = frozenset(
    [
        "properties",
        "patternProperties",
        "additionalProperties",
        "required",
        "minProperties",
        "maxProperties",
    ]
)
ARRAY = frozenset(["items", "minItems", "maxItems"])
STRING = frozenset(["minLength", "maxLength", "pattern"])
LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
BUILDERS = (
    (("object",), OBJECT, Compiler.object_node),
    (("array",), ARRAY, Compiler.array_node),
    (("string",), STRING, Compiler.string_node),
    (("number", "integer"), frozenset(LIMITS), Compiler.number_node),
)
GROUPS: dict[str, type[Group]] = {"allOf": AllOf, "anyOf": AnyOf, "oneOf": OneOf}
WRAPPERS: dict[str, type[Wrapper]] = {
    "contains": Contains,
    "not": Not,
    "propertyNames": PropertyNames,
}
