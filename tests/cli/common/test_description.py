"""Keywords and commands as they are described, whatever an actor sends."""

from __future__ import annotations

from typing import Any

import pytest

from clu.cli.common.commands import commands_of
from clu.cli.common.keywords import keywords_of


@pytest.mark.parametrize(
    ("definition", "kind", "limits"),
    [
        ({"type": "integer", "minimum": 1}, "integer", "≥ 1"),
        ({"type": "integer", "exclusiveMaximum": 9}, "integer", "< 9"),
        ({"type": ["number", "null"], "maximum": 9}, "number or null", "≤ 9"),
        ({"enum": ["on", 1]}, "", '"on", 1'),
        ({"const": True}, "", "true"),
        ({"type": "string", "maxLength": 8, "pattern": "a+"}, "string", "≤ 8 characters, /a+/"),
        ({"type": "array", "items": {"type": "number", "minimum": 0}}, "array of number", "≥ 0"),
        (
            {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
            "array of number",
            "3 items",
        ),
        ({"oneOf": [{"type": "string"}, {"type": "object"}]}, "string or object", ""),
        (True, "", ""),
    ],
)
def test_types_and_ranges_are_words(definition: Any, kind: str, limits: str) -> None:
    found = keywords_of({"properties": {"key": definition}})
    assert found is not None
    assert (found[0].type, found[0].range) == (kind, limits)


@pytest.mark.parametrize("schema", [None, 5, "{", "[]", {}, {"properties": 3}])
def test_what_is_no_schema_has_no_keywords(schema: Any) -> None:
    assert keywords_of(schema) is None


def test_commands_in_groups_have_the_names_of_these() -> None:
    count = {"param_type_name": "argument", "opts": ["n"], "required": True, "nargs": 1}
    limited = {**count, "type": {"name": "integer range", "min": 0, "max": 5}}
    flag = {"param_type_name": "option", "opts": ["-f", "--fast"], "is_flag": True}
    switch = {**flag, "opts": ["--on"], "secondary_opts": ["--off"]}
    opened = {"help": "Opens it.\n\n    Slowly.", "params": [limited, flag, switch, 5]}
    model = {"commands": {"shutter": {"commands": {"open": opened}}, "odd": 3}}
    group, command = commands_of(model)
    assert (group.name, group.usage) == ("shutter", "shutter COMMAND")
    assert command.usage == "shutter open N [--fast] [--on/--off]"
    assert command.help == "Opens it.\n\nSlowly."
    assert [item.name for item in command.parameters] == ["N", "-f, --fast", "--on, --off"]
    assert command.parameters[0].type == "integer 0 to 5"


@pytest.mark.parametrize("model", [{}, {"commands": 3}, {"commands": {"a": {"params": 0}}}])
def test_odd_models_are_no_error(model: dict[str, Any]) -> None:
    assert all(item.parameters == [] for item in commands_of(model))
