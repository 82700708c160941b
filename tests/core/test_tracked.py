"""Tracked dictionaries and lists: they behave as plain ones, but count every change."""

from __future__ import annotations

import copy
import json
import pickle
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import fastjsonschema
import jsonschema
import orjson
import pytest

from clu._core.tracked import Revision, TrackedDict, TrackedList, track
from clu._speedups.schema import compile_schema

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = {
    "type": "object",
    "properties": {
        "state": {"enum": ["on", "off"]},
        "pair": {"type": "array", "items": [{"type": "integer"}, {"type": "string"}]},
    },
    "required": ["state"],
    "additionalProperties": False,
}


def tracked(value: Any = SCHEMA) -> tuple[Any, Revision]:
    revision = Revision()
    return track(copy.deepcopy(value), revision), revision


def test_equals_and_prints_as_a_plain_value() -> None:
    schema, _ = tracked()
    assert schema == SCHEMA
    assert repr(schema) == repr(SCHEMA)
    assert isinstance(schema, dict)
    assert isinstance(schema["properties"]["pair"]["items"], list)


def test_encodes_as_a_plain_value() -> None:
    schema, _ = tracked()
    assert json.dumps(schema) == json.dumps(SCHEMA)
    assert json.dumps(schema, indent=1) == json.dumps(SCHEMA, indent=1)
    assert orjson.dumps(schema) == orjson.dumps(SCHEMA)


def plain(value: Any) -> bool:
    if isinstance(value, dict):
        return type(value) is dict and all(map(plain, value.values()))
    if isinstance(value, (list, tuple)):
        return type(value) in (list, tuple) and all(map(plain, value))
    return True


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, *(lambda v, p=p: pickle.loads(pickle.dumps(v, p)) for p in range(6))],
)
def test_copies_and_pickles_are_plain(duplicate: Callable[[Any], Any]) -> None:
    schema, revision = tracked()
    schema["also"] = ({"a": [1]},)
    number = revision.number
    again = duplicate(schema)
    assert again == schema
    assert plain(again)
    again["properties"]["state"]["enum"].append("idle")
    assert revision.number == number
    assert schema["properties"]["state"]["enum"] == ["on", "off"]


def test_shallow_copies_are_plain_on_the_outside() -> None:
    schema, revision = tracked()
    for value in (schema, schema["required"]):
        for again in (copy.copy(value), value.copy()):
            assert again == value
            assert type(again) in (dict, list)
            again.clear()
    assert revision.number == 0


def test_schema_libraries_accept_tracked_schemas() -> None:
    schema, _ = tracked()
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    check = fastjsonschema.compile(schema, use_default=False)
    for instance, expected in (({"state": "on"}, True), ({"state": "x"}, False), ({}, False)):
        assert validator.is_valid(instance) is expected
        assert compile_schema(schema).is_valid(instance) is expected
        if expected:
            check(instance)
        else:
            with pytest.raises(fastjsonschema.JsonSchemaValueException):
                check(instance)


def test_the_original_is_left_alone() -> None:
    original = copy.deepcopy(SCHEMA)
    schema = track(original, Revision())
    schema["properties"]["state"]["enum"].append("idle")
    assert original == SCHEMA


def test_reading_counts_no_change() -> None:
    schema, revision = tracked()
    assert schema["properties"].get("state") is schema["properties"]["state"]
    assert list(schema) == list(SCHEMA)
    assert {**schema} == SCHEMA
    assert schema | {} == SCHEMA
    assert schema["required"] + [] == ["state"]
    assert schema["required"][:] == ["state"]
    assert schema["required"].index("state") == 0
    assert revision.number == 0


DICT_CHANGES: list[Callable[[dict[str, Any]], Any]] = [
    lambda d: d.__setitem__("a", {"x": [1]}),
    lambda d: d.__setitem__("new", {"x": [1]}),
    lambda d: d.__delitem__("a"),
    lambda d: d.pop("a"),
    lambda d: d.pop("missing", 1),
    lambda d: d.popitem(),
    lambda d: d.clear(),
    lambda d: d.setdefault("new"),
    lambda d: d.setdefault("new", {"x": [1]}),
    lambda d: d.update({"a": {"x": [1]}}, b=[2]),
    lambda d: d.update([("a", [1])]),
    lambda d: d.update(),
    lambda d: d.__ior__({"c": {"x": [1]}}),
    lambda d: d.__ior__([("c", [1])]),
]
LIST_CHANGES: list[Callable[[list[Any]], Any]] = [
    lambda v: v.__setitem__(0, {"x": [1]}),
    lambda v: v.__setitem__(slice(0, 2), ({"x": i} for i in range(3))),
    lambda v: v.__setitem__(slice(None, None, 2), [[1], [2]]),
    lambda v: v.__delitem__(0),
    lambda v: v.__delitem__(slice(1, None)),
    lambda v: v.append({"x": [1]}),
    lambda v: v.insert(0, [[1]]),
    lambda v: v.extend([{"x": 1}, [2]]),
    lambda v: v.extend(v),
    lambda v: v.__iadd__(({"x": 1},)),
    lambda v: v.__imul__(2),
    lambda v: v.pop(),
    lambda v: v.remove(2),
    lambda v: v.reverse(),
    lambda v: v.sort(key=str),
    lambda v: v.clear(),
]


def all_tracked(value: Any, revision: Revision) -> bool:
    if isinstance(value, dict):
        right = isinstance(value, TrackedDict) and value.revision is revision
        return right and all(all_tracked(item, revision) for item in value.values())
    if isinstance(value, list):
        right = isinstance(value, TrackedList) and value.revision is revision
        return right and all(all_tracked(item, revision) for item in value)
    return not isinstance(value, tuple) or all(all_tracked(item, revision) for item in value)


@pytest.mark.parametrize(
    ("start", "change"),
    [({"a": 1, "b": [2]}, change) for change in DICT_CHANGES]
    + [([{"y": 0}, 2, [3]], change) for change in LIST_CHANGES],
)
def test_every_change_does_what_it_does_to_a_plain_value_and_is_counted(
    start: Any, change: Callable[[Any], Any]
) -> None:
    (value,), revision = tracked([start])
    expected = copy.deepcopy(start)
    assert change(value) == change(expected)
    assert value == expected
    assert all_tracked(value, revision)
    assert revision.number > 0


def test_operators_in_place_keep_the_tracked_object() -> None:
    schema, revision = tracked()
    properties, required = schema["properties"], schema["required"]
    properties |= {"new": {}}
    required += ["new"]
    assert properties is schema["properties"]
    assert required is schema["required"]
    assert schema["properties"]["new"] == {}
    assert schema["required"] == ["state", "new"]
    assert all_tracked(schema, revision)


def test_values_put_in_later_are_tracked_at_any_depth() -> None:
    schema, revision = tracked()
    schema["properties"]["new"] = {"oneOf": [OrderedDict(type="array", items=({"type": "null"},))]}
    number = revision.number
    schema["properties"]["new"]["oneOf"][0]["items"][0]["type"] = "string"
    assert revision.number == number + 1


def test_the_change_is_there_when_it_is_counted() -> None:
    class Watching(Revision):
        __slots__ = ("seen",)

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "number" and value:
                self.seen = copy.deepcopy(schema)

    revision = Watching()
    schema = track({}, revision)
    schema["a"] = [1]
    assert revision.seen == {"a": [1]}
    schema["a"].append(2)
    assert revision.seen == {"a": [1, 2]}


def test_a_change_that_fails_halfway_is_counted() -> None:
    values, revision = tracked([3, 2, 1, "a", 0])
    with pytest.raises(TypeError):
        values.sort()
    assert revision.number > 0
    with pytest.raises(KeyError):
        tracked({})[0].pop("missing")


def test_a_part_of_another_tracked_value_is_copied() -> None:
    first, _ = tracked()
    second, revision = tracked({})
    second["mine"] = first["properties"]
    number = revision.number
    first["properties"].clear()
    assert second["mine"] == SCHEMA["properties"]
    second["mine"].clear()
    assert revision.number == number + 1


def test_a_part_of_the_same_value_stays_the_same_object() -> None:
    schema, _ = tracked()
    schema["again"] = schema["properties"]
    assert schema["again"] is schema["properties"]


def test_constructors_are_those_of_plain_containers() -> None:
    assert TrackedDict() == {}
    assert TrackedDict([("a", 1)]) == {"a": 1}
    assert TrackedDict.fromkeys("ab", 0) == {"a": 0, "b": 0}
    assert TrackedList("ab") == ["a", "b"]
    assert TrackedDict().revision is not TrackedDict().revision
