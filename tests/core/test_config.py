"""Configurations, and the arguments that a class takes from them."""

from __future__ import annotations

import gc
import pathlib
import re
import warnings
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from clu import JSONActor
from clu._core.config import actor_arguments, make_from_config, parse_config
from clu.exceptions import ConfigurationError


class Strict:
    def __init__(self, name: str, host: str = "", *, config: Any = None) -> None: ...


class Open:
    def __init__(self, name: str, **kwargs: Any) -> None: ...


def test_a_mapping_is_the_configuration_itself() -> None:
    for config in ({"name": "a"}, MappingProxyType({"name": "a"})):
        assert parse_config(config) is config


def test_a_file_is_read_as_yaml(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yml").write_text("actor: {name: a, port: 5}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (str(tmp_path / "a.yml"), tmp_path / "a.yml", "~/a.yml"):
        assert parse_config(path) == {"actor": {"name": "a", "port": 5}}


def test_a_path_without_a_file_is_an_assertion_error() -> None:
    for path in ("/no/such/file.yml", pathlib.Path("/no/such/file.yml")):
        with pytest.raises(AssertionError, match="configuration path does not exist"):
            parse_config(path)


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (Strict, {"name": "a", "host": "h"}),
        (Open, {"name": "a", "host": "h", "port": 5}),
    ],
)
def test_a_class_gets_what_it_can_take(cls: type, expected: dict[str, Any]) -> None:
    config = {"actor": {"name": "a", "host": "x", "port": 5}, "other": 1}
    arguments = actor_arguments(cls, config, {"host": "h"})
    assert arguments.pop("config") is config
    assert arguments == expected
    assert config == {"actor": {"name": "a", "host": "x", "port": 5}, "other": 1}


def test_a_configuration_given_as_an_argument_wins() -> None:
    mine = {"mine": 1}
    assert actor_arguments(Strict, {"name": "a"}, {"config": mine})["config"] is mine


def test_lists_in_the_arguments_stay_the_same_objects() -> None:
    models = ["b"]
    assert actor_arguments(Open, {"name": "a"}, {"models": models})["models"] is models


def test_name_of_the_nearest_file_is_suggested(tmp_path: pathlib.Path) -> None:
    (tmp_path / "stage.yaml").touch()
    with pytest.raises(AssertionError, match=r"no file .*stage\.yml\. Did you mean stage\.yaml\?"):
        parse_config(tmp_path / "stage.yml")


@pytest.mark.parametrize(
    ("text", "error", "reason"),
    [
        (
            "actor:\n  name: [a\n  port: 5\n",
            yaml.YAMLError,
            "line 3, column 7: expected ','",
        ),
        (
            "actor:\n  name: a\n  prt: 5\n",
            TypeError,
            "line 3: JSONActor has no argument 'prt'. ",
        ),
        (
            "name: a\nprt: 5\n",
            TypeError,
            "line 2: JSONActor has no argument 'prt'. Did ",
        ),
        ("actor:\n  name: a\n  port: x\n", TypeError, "line 3: port 'x' is not a number from 0 to"),
        ("actor:\n  name: a\n  port: 65536\n", TypeError, "line 3: port 65536 is not a number"),
        ("actor:\n  port: 5\n", TypeError, ": JSONActor needs 'name'."),
        ("actor: 5\n", TypeError, "line 1: the section 'actor' must have keys, not 5."),
        ("- a\n", AttributeError, ": there must be keys at the top, not ['a']."),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(
    tmp_path: pathlib.Path, text: str, error: type[Exception], reason: str
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(error, match=re.escape(reason)) as caught:
        JSONActor.from_config(path)
    assert isinstance(caught.value, ConfigurationError)
    assert str(caught.value).startswith(str(path))


class Lamp(JSONActor):
    def __init__(self, name: str, port: int, config: Any = None, schema: Any = None) -> None:
        super().__init__(name, port=port, config=config, schema=schema)


def test_argument_that_is_missing_may_be_misspelt(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("actor:\n  name: a\n  prot: 5\n")
    with pytest.raises(TypeError) as caught:
        Lamp.from_config(path)
    assert str(caught.value) == (
        f"{path}: Lamp needs 'port'. {path}, line 3: Lamp has no argument 'prot'. "
        "Did you mean 'port'?"
    )


def test_key_that_is_ignored_but_nearly_an_argument_is_logged(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("actor:\n  name: a\n  port: 5\n  shema: {}\n  devices: {}\n")
    lamp = Lamp.from_config(path)
    assert lamp.config["actor"]["devices"] == {}
    warned = capsys.readouterr().err
    assert f"{path}, line 4: Lamp has no argument 'shema'. Did you mean 'schema'?" in warned
    assert "devices" not in warned


def test_error_inside_a_class_stays_as_it_is() -> None:
    class Bad:
        def __init__(self, name: str, **kwargs: Any) -> None:
            dict.fromkeys()  # type: ignore[call-arg]

    with pytest.raises(TypeError) as caught:
        make_from_config(Bad, None, {"name": "a"}, (), {})
    assert type(caught.value) is TypeError


def test_port_of_a_device_may_be_anything() -> None:
    class Serial:
        def __init__(self, port: str, config: Any = None) -> None:
            self.port = port

    assert make_from_config(Serial, None, {"port": "/dev/ttyS0"}, (), {}).port == "/dev/ttyS0"


def test_files_are_closed(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "lamp.yaml"
    path.write_text("actor: {name: lamp, port: 6}\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert parse_config(path) == {"actor": {"name": "lamp", "port": 6}}
        path.write_text("actor: [\n")
        with pytest.raises(ConfigurationError):
            parse_config(path)
        gc.collect()
    assert [each for each in caught if str(path) in str(each.message)] == []


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # sdsstools opens the other
def test_a_file_extends_one_that_is_named_relative_to_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "base.yaml").write_text("actor: {name: lamp}\n")
    (tmp_path / "lamp.yaml").write_text("#!extends base.yaml\nactor: {port: 6}\n")
    assert parse_config(tmp_path / "lamp.yaml") == {"actor": {"name": "lamp", "port": 6}}
