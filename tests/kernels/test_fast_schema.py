"""fastjsonschema judges what the tree cannot express, where its verdict is that of jsonschema."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clu._speedups.fast_schema import compile_fast

from .conftest import builds
from .test_schema import INTEGERS, NAMES, documents, matching, reference, verdict

KERNELS = builds("schema")
NAN, INF = float("nan"), float("inf")
#: A schema of several resources, as a schema that was bundled from files has them.
BUNDLED = {
    "$id": "https://example.org/actor",
    "type": "object",
    "properties": {
        "axis": {"$ref": "axis"},
        "axes": {"type": "array", "items": {"$ref": "axis#/definitions/place"}},
        "state": {"$ref": "#state"},
    },
    "additionalProperties": False,
    "definitions": {
        "axis": {
            "$id": "axis",
            "type": "object",
            "properties": {"place": {"$ref": "#/definitions/place"}, "next": {"$ref": "#"}},
            "required": ["place"],
            "definitions": {"place": {"type": "number", "minimum": -360, "maximum": 360}},
        },
        "place": {"type": "string"},  # not the one that the axis means
        "state": {"$id": "#state", "enum": ["idle", "busy", None, 1, True]},
    },
}


@pytest.fixture(params=KERNELS)
def build(request: pytest.FixtureRequest) -> Any:
    return request.param


def is_plain(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and is_plain(each) for key, each in value.items())
    if type(value) in (list, tuple):
        return all(map(is_plain, value))
    return type(value) in (str, int, float, bool, type(None))


def judged(schema: Any, instance: Any) -> bool:
    """Give the verdict of fastjsonschema, which must be that of jsonschema."""
    is_valid = compile_fast(schema)
    assert is_valid is not None
    answer = is_valid(instance)
    assert answer is reference(schema, instance)
    return answer


@st.composite
def bundles(draw: st.DrawFn) -> Any:
    """Draw schemas within others that have identities, and references to them."""
    parts = {name: draw(documents()) for name in ("a", "b")}
    for name, part in parts.items():
        if isinstance(part, dict):
            identity = draw(st.sampled_from([f"https://example.org/{name}", name, f"#{name}"]))
            inner = {"a": draw(documents()), "b": {"type": "integer"}}
            parts[name] = {**part, "$id": identity, "definitions": inner}
    targets = st.sampled_from(
        ["https://example.org/a", "a", "#a", "b", "a#/definitions/a", "b#/definitions/b", "#"]
    )
    references = st.builds(lambda ref: {"$ref": ref}, targets)
    return {
        **draw(st.sampled_from([{}, {"$id": "https://example.org/root"}])),
        "properties": draw(st.dictionaries(NAMES, references, min_size=1, max_size=3)),
        "items": draw(st.one_of(references, st.lists(references, min_size=1, max_size=2))),
        "definitions": parts,
    }


@pytest.mark.endurance
@settings(max_examples=400)
@given(data=st.data())
def test_verdict_is_that_of_jsonschema(data: st.DataObject) -> None:
    schema = data.draw(st.one_of(documents(), bundles()), "schema")
    is_valid = compile_fast(schema)
    assume(is_valid is not None)
    instance = data.draw(matching(schema).filter(is_plain), "instance")
    expected = reference(schema, instance)
    assume(expected is not None)
    assert is_valid(instance) is expected


@pytest.mark.endurance
@settings(max_examples=200)
@given(data=st.data())
def test_both_builds_give_the_verdict_of_jsonschema_on_bundles(data: st.DataObject) -> None:
    schema = data.draw(bundles(), "schema")
    instance = data.draw(matching(schema), "instance")
    expected = reference(schema, instance)
    for each in KERNELS:
        assert verdict(each.values[0], schema, instance) is bool(expected)


@pytest.mark.parametrize(
    ("instance", "is_valid"),
    [
        ({"axis": {"place": 1.5}, "axes": [1, 2.5], "state": "idle"}, True),
        ({"axis": {"place": 1, "next": {"place": 2}}, "axes": (1, 2)}, True),
        ({"axis": {"place": 1, "next": {"place": "x"}}}, False),
        ({"axis": {"next": {"place": 1}}}, False),
        ({"axes": ["x"]}, False),
        ({"axes": [361]}, False),
        ({"axes": [True]}, False),
        ({"axes": [NAN]}, True),
        ({"axes": [INF]}, False),
        ({"axes": [10**400]}, False),
        ({"state": None}, True),
        ({"state": 1.0}, True),
        ({"state": True}, True),
        ({"state": False}, False),
        ({"state": 0}, False),
        ({"other": 1}, False),
        ({"é": 1}, False),
        ([], False),
    ],
)
def test_a_bundle_of_schemas(build: Any, instance: Any, is_valid: bool) -> None:
    assert judged(BUNDLED, instance) is is_valid
    assert verdict(build, BUNDLED, instance) is is_valid


# --- where the two libraries differ -----------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {"multipleOf": 0.01},
        {"multipleOf": 3},
        {"uniqueItems": True},
        {"enum": [[1]]},
        {"const": {"a": True}},
        {"const": NAN},
        {"minimum": INF},
        {"maximum": 10**400},
        {"minLength": 1.5},
        {"pattern": "^a$|b"},
        {"pattern": r"a\$"},
        {"pattern": "(?i)a"},
        {"patternProperties": {r"(a)\1": {}}},
        {"properties": {'"]: raise SystemExit #': {}}},
        {"properties": {"{variable}": {}}},
        {"required": ["a\nb"]},
        {"enum": ["it's"]},
        {"const": "\\"},
        {"$ref": "https://example.org/nowhere"},
        {"properties": {"a": {"$ref": "#/nowhere"}}},
        {"items": {"$schema": "https://json-schema.org/draft/2020-12/schema"}},
        {"$schema": "https://json-schema.org/draft/2020-12/schema"},
        {"items": True, "additionalItems": False},
        {"type": "text"},
        {"properties": {1: {}}},
        [],
        None,
    ],
)
def test_what_it_might_judge_in_another_way_is_left_to_jsonschema(schema: Any) -> None:
    assert compile_fast(schema) is None


def test_a_dollar_is_also_before_a_newline_at_the_end() -> None:
    for text, is_valid in (("ab", True), ("ab\n", True), ("ab\n\n", False), ("abc", False)):
        assert judged({"pattern": "^a.$"}, text) is is_valid
        assert judged({"patternProperties": {"b$": False}}, {text: 1}) is not is_valid


def test_contents_and_formats_are_not_looked_at() -> None:
    schema = {
        "contentEncoding": "base64",
        "contentMediaType": "application/json",
        "format": "ipv4",
        "default": 1,
    }
    for value in ("?", "{", b"".decode(), 1):
        assert judged(schema, value)


def test_words_that_assert_nothing_are_ignored() -> None:
    schema = {"properties": {"a": {"id": "x", "units": {"$ref": "#/nowhere"}, "variable": "{"}}}
    assert judged(schema, {"a": 1})


def test_siblings_of_a_reference_are_ignored() -> None:
    schema = {"$ref": "#/definitions/a", "type": "string", "definitions": {"a": {"type": "null"}}}
    assert judged(schema, None)
    assert not judged(schema, "a")


@given(value=st.one_of(INTEGERS, st.booleans(), st.floats()))
def test_numbers_are_not_booleans(value: Any) -> None:
    for schema in (
        {"enum": [0, True]},
        {"const": 1},
        {"const": False},
        {"type": "integer"},
        {"type": ["number", "null"]},
        {"minimum": 1, "exclusiveMaximum": 2**53},
    ):
        judged(schema, value)


class Number(int):
    """A number that JSON does not have."""


@pytest.mark.parametrize("value", [1j, Number(1), {1: 2}, {"a": Number(1)}, [b"a"], {1}])
def test_values_that_json_does_not_have_are_left_to_jsonschema(
    build: Any, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiled(_: object) -> Any:
        return lambda value: pytest.fail(f"{value!r} was given to fastjsonschema")

    monkeypatch.setattr("clu._speedups.fast_schema.compile_fast", compiled)
    schema = {"$ref": "#a", "definitions": {"a": {"$id": "#a", "not": {"type": "number"}}}}
    expected = bool(reference(schema, value))
    assert verdict(build, schema, value) is expected


def test_plain_values_are_judged_without_jsonschema(build: Any) -> None:
    name = build.__name__
    code = f"""
import json, sys, importlib
kernel = importlib.import_module({name!r})
schema = kernel.compile_schema(json.loads({json.dumps(json.dumps(BUNDLED))}))
assert "fastjsonschema" not in sys.modules
assert schema.is_valid({{"axes": [1, 2]}}) and not schema.is_valid({{"axes": ["a"]}})
assert "fastjsonschema" in sys.modules and "jsonschema" not in sys.modules
assert not schema.is_valid({{"axes": [1j, "a"]}})
assert "jsonschema" in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=50)


def test_values_nested_too_deeply_for_it_are_invalid(build: Any) -> None:
    schema = {"$ref": "#a", "definitions": {"a": {"$id": "#a", "items": {"$ref": "#a"}}}}
    value: Any = []
    for _ in range(100_000):
        value = [value]
    assert verdict(build, schema, [[[]]])
    assert not verdict(build, schema, value)
