"""What is wrong with a schema, in words that help."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from clu.model import Model

if TYPE_CHECKING:
    import pathlib

TYPO = '{\n "type": "object",\n "properties": {\n  "position": {"type": "nubmer"}\n }\n}'


def test_typo_in_a_file_is_named_with_its_line(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(TYPO)
    with pytest.raises(ValueError, match=r"^schema 'stage' is invalid\.") as caught:
        Model("stage", path)
    assert str(caught.value) == (
        f"schema 'stage' is invalid. {path}, line 4: properties.position.type: 'nubmer' is not a "
        "type. Did you mean 'number'?"
    )


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (TYPO, "schema 'x' is invalid. properties.position.type: 'nubmer' is not a type. Did you "),
        ({"properties": {"a": 5}}, "schema 'x' is invalid. properties.a: 5 is not of type"),
        ({"properties": {"a": {"minimum": "1"}}}, "properties.a.minimum: '1' is not of type 'numb"),
        ({"type": "array"}, "Schema must be of type object. Its type is 'array'."),
        ({"propertes": {}}, "Schema must be of type object. It has no 'properties'. 'propertes' m"),
        ("[1]", "schema 'x' is invalid. It must be a dictionary, not [1]."),
        ('{"a" 1}', "cannot parse input schema. Expecting ':' delimiter: line 1 column 6"),
    ],
)
def test_reason_is_named(schema: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        Model("x", schema)


def test_file_that_is_missing_is_named_with_the_nearest_one(tmp_path: pathlib.Path) -> None:
    (tmp_path / "stage.json").write_text("{}")
    path = tmp_path / "stge.json"
    missing = re.escape(f"There is no file {path}. Did you mean stage.json?")
    with pytest.raises(FileNotFoundError, match=missing):
        Model("stage", path)
    with pytest.raises(ValueError, match=rf"^cannot parse input schema\. {missing}"):
        Model("stage", str(path))


def test_file_that_is_not_json_is_named(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "stage.json"
    path.write_text('{\n "type": "object"\n "properties": {}}')
    with pytest.raises(ValueError, match=re.escape(f"{path}: Expecting ',' delimiter: line 3")):
        Model("stage", path)
