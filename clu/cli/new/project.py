"""The files of a new project: what is in them, and writing all of them or none."""

from __future__ import annotations

import importlib.resources
import os
import pathlib
import shutil
import string
import tempfile
from typing import TYPE_CHECKING

from clu.cli.new.name import CannotMake

if TYPE_CHECKING:
    from clu.cli.new.name import ProjectName
    from clu.cli.new.transport import Transport

__all__ = ["contents", "make"]

#: The files of all projects: their paths, and the names of their templates.
FILES = (
    ("$package/__init__.py", "package_init.py"),
    ("$package/actor.py", "actor.py"),
    ("$package/config.yaml", "config.yaml"),
    ("$package/schema.json", "schema.json"),
    ("tests/test_actor.py", "test_actor.py"),
    ("pyproject.toml", "pyproject.toml"),
    ("README.md", "README.md"),
    ("$name.service", "service"),
    (".gitignore", "gitignore"),
)


def contents(project: ProjectName, transport: Transport) -> dict[str, str]:
    """Return the text of each file, by its path."""
    words = {
        "name": project.name,
        "package": project.package,
        "class_name": project.class_name,
        "title": transport.title,
        "base": transport.base,
        "settings": transport.settings,
        "run_command": transport.run_command,
        "after": transport.after,
        "session": transport.session.format(actor=project.package),
        "keys": _KEYS.format(package=project.package) if transport.extra else "",
    }
    templates = importlib.resources.files("clu.cli.new") / "templates"
    found: dict[str, str] = {}
    for path, name in (*FILES, *transport.extra):
        text = (templates / f"{name}.template").read_text(encoding="utf-8")
        found[string.Template(path).substitute(words)] = string.Template(text).substitute(words)
    return found


_KEYS = (
    "| `actorkeys/{package}.py` | the same keywords for clients behind a hub, which import it |\n"
)


def make(folder: pathlib.Path, files: dict[str, str]) -> None:
    """Write the files to a new folder.

    Parameters
    ----------
    folder
        The folder.
    files
        The text of each file, by its path in the folder.

    Raises
    ------
    CannotMake
        If the folder exists, or cannot be written. Then nothing is left of it.
    """
    if os.path.lexists(folder):
        raise CannotMake(f"{folder} exists already. Choose another name, or remove it.")
    try:
        unfinished = pathlib.Path(tempfile.mkdtemp(prefix=".clu-new-", dir=folder.parent))
    except OSError as error:
        raise CannotMake(f"Cannot write {folder.absolute()}: {error.strerror}.") from None
    try:
        made = unfinished / folder.name  # with the permissions that the user gives to folders
        for path, text in files.items():
            target = made / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        made.rename(folder)
    except OSError as error:
        raise CannotMake(f"Cannot write {folder.absolute()}: {error.strerror}.") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
