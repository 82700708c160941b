"""Configurations, and the arguments of classes in them."""

from __future__ import annotations

import inspect
import pathlib
from collections.abc import Mapping
from typing import Any


def parse_config(config: Any, loader: Any = None) -> Any:
    """Return a configuration as a dictionary.

    Parameters
    ----------
    config
        A dictionary, which is returned unchanged, or the path of a YAML file.
    loader
        The YAML loader.

    Raises
    ------
    AssertionError
        If the file does not exist.
    """
    if isinstance(config, Mapping):
        return config
    path = pathlib.Path(config).expanduser()
    if not path.exists():
        raise AssertionError("configuration path does not exist.")
    from sdsstools import read_yaml_file

    return read_yaml_file(str(path), **({} if loader is None else {"loader": loader}))


def actor_section(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the section of a configuration with the arguments of a class."""
    for name in ("actor", "client"):
        section: Mapping[str, Any] | None = config.get(name)
        if section is not None:
            return section
    return config


def actor_arguments(
    cls: type, config: Mapping[str, Any], overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments for a class from a configuration.

    They are read from the section ``actor`` or ``client``, or from the top level. Keys that a class
    without ``**kwargs`` does not accept are dropped. The configuration is passed as ``config``.
    """
    section = actor_section(config)
    arguments = {**section, **overrides}
    parameters = inspect.signature(cls).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        arguments = {key: value for key, value in arguments.items() if key in parameters}
    arguments.setdefault("config", config)
    return arguments
