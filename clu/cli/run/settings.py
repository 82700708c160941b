"""The arguments of an actor: a file, and what the command line changes of it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from clu._core.config import parse_config
from clu._core.config_source import ChangedConfig, ConfigSource
from clu.cli.run.target import CannotRun
from clu.exceptions import CluValueError, ConfigurationError

if TYPE_CHECKING:
    from clu.base import BaseActor

__all__ = ["make_actor", "parse_setting"]

_SECTIONS = ("actor", "client")


def parse_setting(text: str) -> tuple[list[str], Any]:
    """Return the keys and the value of a setting ``key.key=value``; the value is YAML."""
    import yaml

    path, equals, value = text.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise CannotRun(f"--set {text}: write it as key=value.")
    try:
        return keys, yaml.safe_load(value)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise CannotRun(f"--set {text}: the value is not valid YAML: {reason}") from None


def change(config: dict[str, Any], keys: list[str], value: Any) -> None:
    """Set a value in a configuration, in place.

    The first key is one at the top of the configuration, or else one in its section for the actor.
    """
    place = config
    if keys[0] not in config:
        for section in _SECTIONS:
            if isinstance(config.get(section), dict):
                place = config[section]
                break
    for number, key in enumerate(keys[:-1], 1):
        inner = place.setdefault(key, {})
        if not isinstance(inner, dict):
            raise CannotRun(
                f"--set {'.'.join(keys)}: {'.'.join(keys[:number])} is {inner!r} and has no keys."
            )
        place = inner
    place[keys[-1]] = value


def make_actor(
    found: Any, path: str | None, settings: list[tuple[list[str], Any]], name: str | None = None
) -> BaseActor:
    """Return the actor to run.

    Parameters
    ----------
    found
        A class of actors, an actor, or a function that returns one.
    path
        The file of the configuration.
    settings
        What `parse_setting` returned.
    name
        The name of the actor if nothing else says how it is called.
    """
    from clu.base import BaseActor

    if isinstance(found, BaseActor):
        if path is not None or settings:
            raise CannotRun(
                "The actor is made by the module already: --config and --set need a class or a "
                "function."
            )
        return found
    is_class = isinstance(found, type) and issubclass(found, BaseActor)
    if is_class and path is not None and not settings:
        return cast("BaseActor", found.from_config(path))  # some read the file in their own way
    config = ChangedConfig({} if path is None else _read(found, path))
    config.path = "--set" if path is None else path
    for keys, value in settings:
        change(config, keys, value)
    if is_class and path is not None:
        return cast("BaseActor", found.from_config(config))
    if is_class and name is not None and _lacks_name(found):
        config.setdefault("name", name)
    actor = _call(found, config)
    if not isinstance(actor, BaseActor):
        called = getattr(found, "__name__", str(found))
        raise CannotRun(f"{called}() returned {actor!r}, which is not an actor.")
    return actor


def _lacks_name(found: type) -> bool:
    """Whether a class of actors does not say how its actors are called."""
    parameter = inspect.signature(found).parameters.get("name")
    return parameter is not None and parameter.default in (inspect.Parameter.empty, None)


def _read(found: Any, path: str) -> dict[str, Any]:
    parsed = getattr(found, "_parse_config", parse_config)(path)
    if not isinstance(parsed, Mapping):
        raise ConfigurationError(f"{path}: there must be keys at the top, not {parsed!r}.")
    return copy.deepcopy(dict(parsed))


def _call(found: Any, arguments: ChangedConfig) -> Any:
    """Call a class or a function; say what is wrong with its arguments."""
    source = ConfigSource(arguments)
    name = getattr(found, "__name__", str(found))
    if not isinstance(found, type):
        try:
            inspect.signature(found).bind(**arguments)
        except TypeError as error:
            raise CannotRun(f"{name}() cannot be called with {source}: {error}.") from None
        return found(**arguments)
    source.check_port(found, arguments, [])
    hint = " Give that with --set KEY=VALUE, or in a file with --config."
    try:
        return found(**arguments)
    except TypeError as error:
        problem = source.explain(found, error, arguments, [])
        if problem is None:
            raise
        hint = "" if set(arguments) > {"name"} else hint
        raise ConfigurationError(problem.removeprefix("--set: ") + hint) from error
    except CluValueError as error:
        if arguments.get("port") is not None or not str(error).startswith("port "):
            raise
        raise ConfigurationError(f"{name} needs 'port'.{hint}") from error
