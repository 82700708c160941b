"""The schema kernel: the verdict of jsonschema's Draft 7, tuples as arrays, never raising."""

from __future__ import annotations

import enum
import subprocess
import sys
from collections import OrderedDict, UserList, defaultdict, namedtuple
from decimal import Decimal
from fractions import Fraction
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clu._speedups import schema_py

Draft7 = jsonschema.validators.extend(
    jsonschema.Draft7Validator,
    type_checker=jsonschema.Draft7Validator.TYPE_CHECKER.redefine(
        "array", lambda _, value: isinstance(value, (list, tuple))
    ),
)


def reference(schema: Any, instance: Any) -> bool | None:
    """Give jsonschema's verdict, or None when it raises (or its rpds panics: a BaseException)."""
    try:
        return bool(Draft7(schema).is_valid(instance))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return None


def verdict(kernel: Any, schema: Any, instance: Any) -> bool:
    answer = kernel.compile_schema(schema).is_valid(instance)
    assert type(answer) is bool
    return answer


def undisputed(kernel: Any, schema: Any, instance: Any) -> bool:
    """Give the verdict, which jsonschema must share unless it raises."""
    answer = verdict(kernel, schema, instance)
    assert reference(schema, instance) in (answer, None)
    return answer


def agreed(kernel: Any, schema: Any, instance: Any) -> bool:
    answer = verdict(kernel, schema, instance)
    assert answer is reference(schema, instance)
    return answer


# --- differential -----------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "ab", "k1", "", "é"])
PATTERNS = st.sampled_from(["^a", "b$", "", "^[a-z]+$", "1|k", r"^\d*$", "(a)(b)?"])
STRINGS = st.one_of(NAMES, st.sampled_from(["abc", "a\n", "12", "\ud800"]), st.text(max_size=3))
INTEGERS = st.one_of(st.integers(-3, 12), st.sampled_from([2**53 + 1, 10**400]))
FLOATS = st.one_of(
    st.sampled_from([0.0, -0.0, 0.1, 0.3, 0.5, 1.0, 2.5, 10.0, 1e308]),
    st.floats(allow_nan=True, allow_infinity=True),
)
SCALARS = st.one_of(st.none(), st.booleans(), INTEGERS, FLOATS, STRINGS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(NAMES, inner, max_size=4),
        st.dictionaries(NAMES, inner, max_size=3).map(OrderedDict),
    ),
    max_leaves=8,
)
JSON_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=5,
)
TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
SIZES = st.one_of(st.integers(0, 4), st.sampled_from([2.0, 10**30]))
LIMITS = st.one_of(st.integers(-2, 10), st.sampled_from([0.5, 2.5, -0.0, 1e300]))
REFERENCES = st.fixed_dictionaries(
    {"$ref": st.sampled_from(["#/definitions/a", "#/definitions/b", "#", "#/nowhere"])}
)


def schemas_over(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(NAMES, inner, max_size=4)
    names = st.lists(NAMES, max_size=2, unique=True)
    objects = {
        "properties": named,
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "additionalProperties": st.one_of(st.booleans(), inner),
        "required": names,
        "minProperties": SIZES,
        "maxProperties": SIZES,
        "propertyNames": inner,
        "dependencies": st.dictionaries(NAMES, st.one_of(names, inner), max_size=2),
    }
    arrays = {
        "items": st.one_of(inner, some),
        "additionalItems": st.one_of(st.booleans(), inner),
        "minItems": SIZES,
        "maxItems": SIZES,
        "uniqueItems": st.booleans(),
        "contains": inner,
    }
    scalars = {
        "minLength": SIZES,
        "maxLength": SIZES,
        "pattern": PATTERNS,
        "minimum": LIMITS,
        "maximum": LIMITS,
        "exclusiveMinimum": LIMITS,
        "exclusiveMaximum": LIMITS,
        "multipleOf": st.sampled_from([1, 2, 3, 0.5, 0.1, 0.01, 1e-300, 7.0]),
        "format": st.just("date"),
        "title": STRINGS,
        "default": JSON_VALUES,
        "contentEncoding": st.just("base64"),
    }
    choices = {
        "enum": st.lists(JSON_VALUES, min_size=1, max_size=4),
        "const": JSON_VALUES,
        "allOf": some,
        "anyOf": some,
        "oneOf": some,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
    }
    kind = {"type": st.one_of(TYPES, st.lists(TYPES, min_size=1, max_size=3, unique=True))}
    groups = [objects, arrays, scalars, choices, {**objects, **arrays, **scalars, **choices}]
    return st.one_of(
        [st.fixed_dictionaries({}, optional={**kind, **group}) for group in groups]
        + [
            st.fixed_dictionaries({"type": st.just("object"), "properties": named}),
            st.fixed_dictionaries({"type": st.just("array"), "items": st.one_of(inner, some)}),
            # Below a container, so that following references comes to an end with the instance.
            st.fixed_dictionaries({"items": REFERENCES}),
            st.fixed_dictionaries({"properties": st.dictionaries(NAMES, REFERENCES, max_size=2)}),
            st.fixed_dictionaries(kind),
        ]
    )


SCHEMAS = st.recursive(
    st.one_of(st.booleans(), st.just({}), st.fixed_dictionaries({"type": TYPES})),
    schemas_over,
    max_leaves=6,
)


@st.composite
def documents(draw: st.DrawFn) -> Any:
    schema = draw(SCHEMAS)
    if isinstance(schema, dict) and "$ref" in str(schema):
        schema = {**schema, "definitions": {"a": draw(SCHEMAS), "b": draw(SCHEMAS)}}
    return schema


def matching(schema: Any) -> st.SearchStrategy[Any]:
    """Build instances that have a chance to be valid."""
    if not isinstance(schema, dict):
        return VALUES
    candidates = [VALUES]
    candidates += [matching(each) for word in ("anyOf", "oneOf") for each in schema.get(word, [])]
    if "enum" in schema:
        candidates.append(st.sampled_from(schema["enum"]))
    if "const" in schema:
        candidates.append(st.just(schema["const"]))
    if "properties" in schema:
        known = {name: matching(each) for name, each in schema["properties"].items()}
        candidates.append(st.fixed_dictionaries({}, optional=known))
        candidates.append(st.fixed_dictionaries(known))
    items = schema.get("items")
    if isinstance(items, list):
        candidates.append(st.tuples(*map(matching, items)))
    elif isinstance(items, dict):
        candidates.append(st.lists(matching(items), max_size=4))
    return st.one_of(candidates)


@settings(max_examples=400)
@given(data=st.data())
def test_verdict_is_that_of_jsonschema(kernel: Any, data: st.DataObject) -> None:
    schema = data.draw(documents(), "schema")
    instance = data.draw(matching(schema), "instance")
    answer = undisputed(kernel, schema, instance)
    assert answer is verdict(schema_py, schema, instance)


# --- values -----------------------------------------------------------------------------------

NAN = float("nan")
INF = float("inf")


@pytest.mark.parametrize(
    ("name", "valid", "invalid"),
    [
        ("number", [1, 1.5, NAN, INF, 10**400, Decimal(1), Fraction(1, 2), 1j], [True, "1", None]),
        ("integer", [1, 1.0, -0.0, 10**400, 1e300], [True, 1.5, NAN, INF, "1", Decimal(1)]),
        ("boolean", [True, False], [1, 0, None, "true"]),
        ("null", [None], [0, "", False]),
        ("string", ["", "a"], [b"a", 1, None]),
        ("array", [[], (), [1], (1,)], ["", {}, set(), range(2), UserList()]),
        ("object", [{}, OrderedDict(), defaultdict(int)], [[], None, "{}"]),
    ],
)
def test_types(kernel: Any, name: str, valid: list[Any], invalid: list[Any]) -> None:
    for schema in ({"type": name}, {"type": [name]}):
        assert all(agreed(kernel, schema, value) for value in valid)
        assert not any(agreed(kernel, schema, value) for value in invalid)


def test_one_of_several_types_suffices(kernel: Any) -> None:
    schema = {"type": ["number", "null", "array"]}
    assert all(agreed(kernel, schema, value) for value in (1, 1.5, None, [], ()))
    assert not any(agreed(kernel, schema, value) for value in (True, "", {}))
    assert not agreed(kernel, {"type": []}, 1)


def test_numpy_scalars_are_what_jsonschema_says(kernel: Any) -> None:
    number, integer = {"type": "number"}, {"type": "integer"}
    for value in (np.float64(1.5), np.float32(1.5), np.int64(1), np.uint8(1)):
        assert agreed(kernel, number, value)
    assert agreed(kernel, integer, np.float64(1.0))
    for value in (np.int64(1), np.float64(1.5), np.float32(1.0), np.bool_(True)):
        assert not agreed(kernel, integer, value)
    assert not agreed(kernel, {"type": "boolean"}, np.bool_(True))
    assert not agreed(kernel, {"type": "array"}, np.zeros(2))
    assert not agreed(kernel, {"type": "number", "maximum": 1}, np.float64(1.5))
    assert agreed(kernel, {"enum": [1.5]}, np.float64(1.5))


def test_subclasses_count_as_what_they_derive_from(kernel: Any) -> None:
    class Text(str):
        __slots__ = ()

    class Number(enum.IntEnum):
        two = 2

    Pair = namedtuple("Pair", "x y")
    schema = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": 3, "enum": ["abc", "abcd"]},
            "number": {"type": "integer", "minimum": 2, "multipleOf": 2},
            "pair": {"type": "array", "items": {"type": "number"}, "minItems": 2},
            "inner": {"type": "object", "required": ["a"]},
        },
        "additionalProperties": False,
    }
    instance = OrderedDict(
        text=Text("abc"), number=Number.two, pair=Pair(1, 2.5), inner=defaultdict(int, a=1)
    )
    assert agreed(kernel, schema, instance)
    for change in ({"text": Text("abcd")}, {"pair": Pair(1, "2")}, {"inner": defaultdict(int)}):
        assert not agreed(kernel, schema, OrderedDict(instance, **change))


def test_limits_treat_nan_as_jsonschema_does(kernel: Any) -> None:
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        assert agreed(kernel, {keyword: 1}, NAN)
        assert agreed(kernel, {keyword: NAN}, 1)
    assert not agreed(kernel, {"maximum": 1e308}, INF)
    assert not agreed(kernel, {"exclusiveMaximum": 10**400}, 10**400)
    assert not agreed(kernel, {"maximum": 2**53}, 2**53 + 1)
    assert agreed(kernel, {"type": "integer", "minimum": 1}, 1.0)
    assert not agreed(kernel, {"type": "integer", "minimum": 1}, 1.5)
    assert agreed(kernel, {"minimum": 1}, False)


@pytest.mark.parametrize("divisor", [1, 2, 7.0, 0.5, 0.1, 0.01, 1e-300, 0.123456789])
def test_multiples_are_those_of_jsonschema(kernel: Any, divisor: float) -> None:
    values = [0, 1, 3, 19.01, 0.3, 4.0, 1e308, -7, 2**70, True, "a", np.float64(0.5)]
    for value in values:
        agreed(kernel, {"multipleOf": divisor}, value)


def test_arithmetic_without_an_answer_makes_invalid(kernel: Any) -> None:
    for divisor, value in ((0.5, NAN), (0.5, INF), (0.5, 10**400), (0, 1), (0.5, Decimal(1))):
        assert reference({"multipleOf": divisor}, value) is None
        assert not verdict(kernel, {"multipleOf": divisor}, value)
    assert not verdict(kernel, {"minimum": 0}, 1j)


@pytest.mark.parametrize(
    ("option", "equals", "differs"),
    [
        (1, [1, 1.0, Decimal(1)], [True, "1", [1]]),
        (0, [0, 0.0, -0.0], [False, None, ""]),
        (True, [True], [1, 1.0, "True"]),
        (None, [None], [0, False, ""]),
        ("a", ["a"], ["b", ["a"], b"a"]),
        ([1, [True]], [[1, [True]], (1.0, (True,))], [[1, [1]], [True, [True]], [1]]),
        ({"a": [0]}, [{"a": [0.0]}, OrderedDict(a=(0,))], [{"a": [False]}, {"b": [0]}, {}]),
        (NAN, [NAN], [float("nan")]),
        (10**400, [10**400], [INF]),
    ],
)
def test_choices_tell_booleans_from_numbers(
    kernel: Any, option: Any, equals: list[Any], differs: list[Any]
) -> None:
    for schema in ({"const": option}, {"enum": [option]}, {"enum": ["x", option, {"y": 2}]}):
        assert all(agreed(kernel, schema, value) for value in equals)
        assert not any(agreed(kernel, schema, value) for value in differs)


def test_unique_items(kernel: Any) -> None:
    schema = {"uniqueItems": True}
    for items in ([], [1, True], [0, False, ""], [[1], [True]], ["a", "b"], [NAN, 1, NAN, 1], "aa"):
        assert agreed(kernel, schema, items)
    for items in ([1, 1.0], ("a", "a"), [True, True], [{"a": 1}, 2, {"a": 1.0}], [None, None]):
        assert not agreed(kernel, schema, items)
    assert agreed(kernel, {"uniqueItems": False}, [1, 1])


def test_patterns_search_as_python_does(kernel: Any) -> None:
    for pattern in ("^a$", "b", "^[a-z]+$", "", r"\d{2}", "é"):
        for text in ("a", "a\n", "ab", "12", "xé", ""):
            agreed(kernel, {"pattern": pattern}, text)
    assert agreed(kernel, {"pattern": "^a$"}, "a\n")


def test_sizes_may_be_floats_or_huge(kernel: Any) -> None:
    for schema in ({"minLength": 2.0}, {"maxLength": 1.5}, {"minLength": 10**30}):
        for text in ("", "a", "ab", "abc"):
            agreed(kernel, schema, text)
    assert agreed(kernel, {"maxItems": 10**30, "minItems": 1}, [1])
    assert not agreed(kernel, {"maxProperties": 0}, {"a": 1})


# --- containers -------------------------------------------------------------------------------


def test_tuples_are_arrays_at_any_depth(kernel: Any) -> None:
    schema = {"items": {"type": "array", "items": [{"type": "integer"}, {"type": "string"}]}}
    assert agreed(kernel, schema, ((1, "a"), [2, "b", None]))
    assert not agreed(kernel, schema, ((1, 2),))
    closed = {"items": {**schema["items"], "additionalItems": False}}
    assert not agreed(kernel, closed, ((1, "a", None),))
    assert agreed(kernel, {"items": ({"type": "integer"},)}, [1, "a"])


def test_patterns_and_additional_properties(kernel: Any) -> None:
    schema = {
        "properties": {"k0": {"type": "integer"}},
        "patternProperties": {"^k": {"minimum": 0}, "1$": {"maximum": 9}},
        "additionalProperties": {"type": "string"},
    }
    for valid in ({"k0": 1, "k1": 9, "x1": 3}, {"x": "a"}, {}):
        assert agreed(kernel, schema, valid)
    for invalid in ({"k0": -1}, {"k0": "a"}, {"k1": 10}, {"x1": 10}, {"x": 1}):
        assert not agreed(kernel, schema, invalid)
    assert not agreed(
        kernel, {"patternProperties": {"": {}}, "additionalProperties": False}, {"a": 1}
    )


def test_names_that_are_not_strings_match_no_pattern(kernel: Any) -> None:
    assert agreed(kernel, {"properties": {"1": {"type": "string"}}}, {1: 2})
    assert not agreed(kernel, {"additionalProperties": False}, {1: 2})
    assert not agreed(kernel, {"additionalProperties": {"type": "string"}}, {None: 2})
    patterns = {"patternProperties": {"1": {"type": "string"}}}
    assert reference(patterns, {1: 2}) is None
    assert verdict(kernel, patterns, {1: 2})
    assert not verdict(kernel, {**patterns, "additionalProperties": False}, {1: 2})
    assert agreed(kernel, {"propertyNames": {"type": "integer"}}, {1: 2})


def test_less_common_keywords(kernel: Any) -> None:
    schema = {
        "if": {"required": ["a"]},
        "then": {"dependencies": {"a": ["b"], "b": {"maxProperties": 2}}},
        "else": {"propertyNames": {"pattern": "^x"}},
        "not": {"properties": {"a": {"contains": {"const": 1}}}, "required": ["a"]},
    }
    for valid in ({"a": [], "b": 0}, {"x1": 0}, {}, 1):
        agreed(kernel, schema, valid)
    for invalid in ({"a": []}, {"a": [], "b": 0, "c": 0}, {"y": 0}, {"a": [1], "b": 0}):
        assert not agreed(kernel, schema, invalid)


def test_words_that_assert_nothing_are_ignored(kernel: Any) -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://example.org/actor.json",
        "title": "T",
        "properties": {
            "a": {"description": "d", "default": 1, "examples": [2], "units": "K"},
            "b": {"format": "date", "contentEncoding": "base64"},
            "c": {"contentMediaType": "application/json", "minContains": 2},
        },
    }
    assert agreed(kernel, schema, {"a": "x", "b": "?", "c": "?"})


def test_boolean_schemas(kernel: Any) -> None:
    assert agreed(kernel, True, 1)
    assert not agreed(kernel, False, 1)
    assert agreed(kernel, {"items": False}, [])
    assert not agreed(kernel, {"items": False}, [1])
    assert not agreed(kernel, {"properties": {"a": False}}, {"a": 1})
    assert not agreed(kernel, {"not": {}}, 1)


# --- references -------------------------------------------------------------------------------

TREE = {
    "$ref": "#/definitions/tree",
    "definitions": {
        "tree": {
            "type": ["object", "array"],
            "properties": {"child": {"$ref": "#/definitions/tree"}},
            "items": {"$ref": "#/definitions/tree"},
            "additionalProperties": False,
        }
    },
}


def nested(levels: int) -> Any:
    value: Any = {}
    for level in range(levels):
        value = [value] if level % 2 else {"child": value}
    return value


def test_recursive_references(kernel: Any) -> None:
    assert agreed(kernel, TREE, {"child": [{"child": {}}, []]})
    assert not agreed(kernel, TREE, {"child": [{"child": {"other": {}}}]})
    assert not agreed(kernel, {"items": {"$ref": "#"}, "maxItems": 2}, [[], [[], [], []]])


def test_references_are_json_pointers(kernel: Any) -> None:
    schema = {
        "items": [
            {"$ref": "#/definitions/a~1b~0c"},
            {"$ref": "#/definitions/d%20e"},
            {"$ref": "#/items/3", "type": "string"},
            {"type": "integer"},
        ],
        "definitions": {"a/b~c": {"type": "string"}, "d e": {"type": "null"}},
    }
    assert agreed(kernel, schema, ["", None, 1])
    for items in ([1], ["", 1], ["", None, ""]):
        assert not agreed(kernel, schema, items)


@pytest.mark.parametrize(
    "schema",
    [
        {
            "definitions": {"a": {"$id": "https://example.org/a", "type": "string"}},
            "properties": {"x": {"$ref": "https://example.org/a"}},
        },
        {
            "properties": {
                "x": {
                    "$id": "https://example.org/b",
                    "definitions": {"c": {"type": "string"}},
                    "allOf": [{"$ref": "#/definitions/c"}],
                }
            }
        },
        {
            "properties": {"x": {"$ref": "#text"}},
            "definitions": {"a": {"$id": "#text", "type": "string"}},
        },
        {
            "properties": {
                "x": {"$ref": "http://json-schema.org/draft-07/schema#/definitions/simpleTypes"}
            }
        },
    ],
)
def test_references_elsewhere_are_left_to_jsonschema(kernel: Any, schema: Any) -> None:
    assert agreed(kernel, schema, {"x": "string"})
    assert not agreed(kernel, schema, {"x": 1})


def test_a_broken_reference_matters_only_where_it_is_followed(kernel: Any) -> None:
    schema = {"properties": {"a": {"$ref": "#/nowhere"}, "b": {"type": "string"}}}
    assert agreed(kernel, schema, {"b": "x"})
    assert not agreed(kernel, schema, {"b": 1})
    assert not verdict(kernel, schema, {"a": 1})


# --- robustness -------------------------------------------------------------------------------


def test_values_are_followed_as_deep_as_jsonschema_can(kernel: Any) -> None:
    assert agreed(kernel, TREE, nested(150))
    assert not verdict(kernel, TREE, nested(400))
    assert not verdict(kernel, TREE, nested(100_000))
    assert not verdict(kernel, {"$ref": "#"}, 1)


def test_values_that_contain_themselves(kernel: Any) -> None:
    loop: Any = {}
    loop["child"] = loop
    assert not verdict(kernel, TREE, loop)
    assert verdict(kernel, {"properties": {"child": {"required": ["child"]}}}, loop)
    first: list[Any] = []
    first.append(first)
    second: list[Any] = []
    second.append(second)
    assert not verdict(kernel, {"uniqueItems": True}, [first, second])
    assert not verdict(kernel, {"uniqueItems": True}, [{"a": first}, {"a": second}])
    assert not verdict(kernel, {"const": first}, second)


def test_schemas_nested_deeply(kernel: Any) -> None:
    schema: Any = {"type": "string"}
    instance: Any = 1
    for _ in range(120):
        schema, instance = {"items": schema}, [instance]
    assert not agreed(kernel, schema, instance)
    for _ in range(100_000):
        schema = {"items": schema}
    assert verdict(kernel, schema, [])


def test_values_that_misbehave_are_invalid(kernel: Any) -> None:
    class Broken(dict):
        def items(self) -> Any:
            raise RuntimeError

    class Unequal(int):
        __hash__ = None

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

    assert not verdict(kernel, {"properties": {"a": {}}}, Broken(a=1))
    assert not verdict(kernel, {"enum": [1]}, Unequal(1))
    assert not verdict(kernel, {"const": [1, 2]}, [1, np.zeros(3)])


@pytest.mark.parametrize(
    "word",
    [
        {"type": "text"},
        {"type": 1},
        {"minimum": "1"},
        {"pattern": "("},
        {"properties": {"a": 1}},
        {"required": 1},
        {"items": 1},
        {"minItems": "1"},
        {"allOf": {"a": {}}},
        {"$ref": 1},
        {"$id": 1},
    ],
)
def test_malformed_schemas_never_raise(kernel: Any, word: dict[str, Any]) -> None:
    for instance in (1, "a", [1], {"a": 1}):
        undisputed(kernel, word, instance)
    assert agreed(kernel, {"properties": {"a": word}}, {"b": 1})


def test_schemas_may_be_subclasses_of_dict(kernel: Any) -> None:
    schema = OrderedDict(type="object", properties=OrderedDict(a=OrderedDict(type="string")))
    assert agreed(kernel, schema, {"a": "b"})
    assert not agreed(kernel, schema, {"a": 1})


def test_validation_libraries_are_imported_only_when_needed(kernel: Any) -> None:
    name = kernel.__name__.rpartition(".")[2]
    code = f"""
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location({name!r}, {kernel.__file__!r})
module = sys.modules[{name!r}] = module_from_spec(spec)
spec.loader.exec_module(module)
assert module.compile_schema({{"properties": {{"a": {{"type": "string"}}}}}}).is_valid({{"a": "b"}})
assert not {{"jsonschema", "fastjsonschema", "fractions"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
