"""What a project says of its actor, for ``clu run`` without arguments."""

from __future__ import annotations

import pathlib
import sys
from typing import Any, NamedTuple

from clu.cli.run.target import CannotRun

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["Project", "find_project"]

_FILE = "pyproject.toml"
_KEYS = {"actor": 'actor = "camera.actor:Camera"', "config": 'config = "camera/config.yaml"'}


class Project(NamedTuple):
    """The actor of a project.

    Attributes
    ----------
    folder
        The folder of the project.
    actor
        The actor, as ``clu run`` takes it.
    config
        The file of its configuration, if it has one.
    """

    folder: pathlib.Path
    actor: str
    config: str | None


def find_project() -> Project:
    """Return the actor of the project in this folder, or in one above.

    Raises
    ------
    CannotRun
        If there is no project, or it does not say what its actor is.
    """
    here = pathlib.Path.cwd()
    for folder in (here, *here.parents):
        path = folder / _FILE
        if path.is_file():
            return _read(path)
    raise CannotRun(
        f"Name an actor, such as clu run camera.py: there is no project ({_FILE}) here or in a "
        "folder above. clu new makes one."
    )


def _read(path: pathlib.Path) -> Project:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CannotRun(f"Cannot read {path}: {error}") from None
    tool = content.get("tool")
    section = tool.get("clu") if isinstance(tool, dict) else None
    if not isinstance(section, dict) or "actor" not in section:
        raise CannotRun(
            f"Name an actor, such as clu run camera.py, or write it into {path}: [tool.clu] with "
            f"{_KEYS['actor']}"
        )
    for key, value in section.items():
        _check(path, key, value)
    config = section.get("config")
    return Project(
        path.parent, section["actor"], None if config is None else str(path.parent / config)
    )


def _check(path: pathlib.Path, key: str, value: Any) -> None:
    if key not in _KEYS:
        raise CannotRun(f"{path}: [tool.clu] has no key {key!r}, only {' and '.join(_KEYS)}.")
    if not isinstance(value, str) or not value:
        raise CannotRun(
            f"{path}: {key} in [tool.clu] is {value!r}. Write it like this: {_KEYS[key]}"
        )
