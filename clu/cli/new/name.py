"""The name of a new actor, and what is derived from it."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import sys

import click

__all__ = ["CannotMake", "ProjectName"]

_VALID = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]*[A-Za-z0-9])?", re.ASCII)
#: Other folders of the project.
_FOLDERS = ("actorkeys", "tests")


class CannotMake(click.ClickException):
    """A project that cannot be made, because of its name or because of what is there."""

    exit_code = 2


class ProjectName:
    """The name of a project.

    Parameters
    ----------
    name
        The name, which is that of the folder.

    Attributes
    ----------
    package
        The name of the package, and of the actor.
    class_name
        The name of the class of the actor.

    Raises
    ------
    CannotMake
        If a package or an actor cannot have this name.
    """

    def __init__(self, name: str) -> None:
        if _VALID.fullmatch(name) is None:
            raise CannotMake(f"{name!r} cannot be the name of an actor: {_why_not(name)}.")
        self.name = name
        self.package = name.replace("-", "_")
        self.class_name = "".join(
            part[0].upper() + part[1:] for part in self.package.split("_") if part
        )
        if reason := self._why_taken():
            raise CannotMake(f"{name!r} cannot be the name of an actor: {reason}. Choose another.")

    def _why_taken(self) -> str:
        if keyword.iskeyword(self.package) or keyword.iskeyword(self.class_name):
            return "it is a word of Python"
        if self.package in sys.stdlib_module_names:
            return f"Python has a module {self.package}"
        if self.package in _FOLDERS:
            return "the project has another folder of this name"
        if _is_installed(self.package):
            return f"a package {self.package} is installed, which it would hide"
        return ""


def _why_not(name: str) -> str:
    if not name:
        return "it is empty"
    if os.sep in name:
        return "it is also the name of a package. Change to the folder where it shall be made"
    if unknown := "".join(dict.fromkeys(re.findall(r"[^A-Za-z0-9_-]", name))):
        return f"only letters from a to z, digits, - and _ can be in it, not {unknown!r}"
    if name[0].isalpha():
        return f"it must end with a letter or a digit, not {name[-1]!r}"
    return f"it must begin with a letter, not {name[0]!r}"


def _is_installed(package: str) -> bool:
    """Whether there is a package or module of this name, other than a folder of the user."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # a module that another program has put there by hand
        return True
    return spec is not None and spec.origin is not None
