"""Configurations, and the arguments that a class takes from them."""

from __future__ import annotations

import pathlib
from types import MappingProxyType
from typing import Any

import pytest

from clu._core.config import actor_arguments, parse_config


class Strict:
    def __init__(self, name: str, host: str = "", *, config: Any = None) -> None: ...


class Open:
    def __init__(self, name: str, **kwargs: Any) -> None: ...


def test_a_mapping_is_the_configuration_itself() -> None:
    for config in ({"name": "a"}, MappingProxyType({"name": "a"})):
        assert parse_config(config) is config


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of sdsstools
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
