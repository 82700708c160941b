"""Configurations, and the arguments of classes in them."""

from __future__ import annotations

import difflib
import inspect
import io
import pathlib
from collections.abc import Mapping
from typing import Any, TypeVar

from clu._core.config_source import ConfigSource
from clu.exceptions import ConfigurationError, also

T = TypeVar("T")

_SECTIONS = ("actor", "client")


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
    ConfigurationError
        If the file does not exist, or is not valid YAML. It is also an ``AssertionError`` or the
        error of the YAML library.
    """
    if isinstance(config, Mapping):
        return config
    path = pathlib.Path(config).expanduser()
    if not path.exists():
        close = difflib.get_close_matches(path.name, _names_beside(path), 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise also(ConfigurationError, AssertionError)(
            f"configuration path does not exist. There is no file {path.absolute()}.{hint}"
        )
    from sdsstools import read_yaml_file
    from yaml import YAMLError

    try:
        with path.open("rb") as data, _YAMLFile(data) as file:
            return read_yaml_file(file, **({} if loader is None else {"loader": loader}))
    except YAMLError as error:
        raise also(ConfigurationError, type(error))(_yaml_problem(path, error)) from error


class _YAMLFile(io.TextIOWrapper):
    """A file as a string, its path: sdsstools looks beside it for what the file extends.

    Given the path itself, sdsstools would leave the file open.
    """

    def __str__(self) -> str:
        return str(self.name)


def _names_beside(path: pathlib.Path) -> list[str]:
    return [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []


def _yaml_problem(path: pathlib.Path, error: Any) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or problem is None:
        return f"{path}: {' '.join(str(error).split())}"
    return f"{path}, line {mark.line + 1}, column {mark.column + 1}: {problem}."


def actor_section(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the section of a configuration with the arguments of a class."""
    name = section_name(config)
    section: Mapping[str, Any] = config if name is None else config[name]
    return section


def section_name(config: Mapping[str, Any]) -> str | None:
    """Return the name of the section with the arguments of a class, or None for the top level."""
    for name in _SECTIONS:
        if config.get(name) is not None:
            return name
    return None


def actor_arguments(
    cls: type, config: Mapping[str, Any], overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments for a class from a configuration.

    They are read from the section ``actor`` or ``client``, or from the top level. Keys that a class
    without ``**kwargs`` does not accept are dropped. The configuration is passed as ``config``.
    """
    section = actor_section(config)
    arguments = {**section, **overrides}
    # Of ``__init__``, as the signature of a class may tell more than what that accepts.
    parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        arguments = {key: value for key, value in arguments.items() if key in parameters}
    arguments.setdefault("config", config)
    return arguments


def make_from_config(
    cls: type[T],
    source: Any,
    config: Any,
    args: tuple[Any, ...],
    overrides: Mapping[str, Any],
) -> T:
    """Return an instance of a class that is made from a configuration.

    Parameters
    ----------
    cls
        The class.
    source
        What the configuration was read from, for errors.
    config
        The configuration.
    args, overrides
        Further arguments, which take precedence.

    Raises
    ------
    ConfigurationError
        If the configuration does not fit the class. It is also a ``TypeError``.
    """
    where = ConfigSource(source)
    if not isinstance(config, Mapping):
        raise also(ConfigurationError, AttributeError)(
            f"{where}: there must be keys at the top, not {config!r}."
        )
    name = section_name(config)
    section = actor_section(config)
    if not isinstance(section, Mapping):
        raise also(ConfigurationError, TypeError)(
            f"{where.of(name)}: the section {name!r} must have keys, not {section!r}."
        )
    prefix = [] if name is None else [name]
    where.check_port(cls, {**section, **overrides}, prefix)
    arguments = actor_arguments(cls, config, overrides)
    try:
        made = cls(*args, **arguments)
    except TypeError as error:
        problem = where.explain(cls, error, section, prefix)
        if problem is None:
            raise
        raise also(ConfigurationError, TypeError)(problem) from error
    dropped = [key for key in section if key not in arguments]
    for problem in where.misspelt(cls, dropped, prefix) if name is not None else ():
        log = getattr(made, "log", None)
        if log is not None:
            log.warning("%s", problem)
    return made
