"""Finding what to run: a class, an actor or a function in a module or a file."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
import pathlib
import sys
from typing import TYPE_CHECKING, Any

import click

from clu._core.top_level import describe, is_debugging

if TYPE_CHECKING:
    from types import ModuleType

    from clu.base import BaseActor

__all__ = ["CannotRun", "Target"]


class CannotRun(click.ClickException):
    """Something that cannot be run, because of the arguments of the command."""

    exit_code = 2


class Target:
    """What the user wants to run.

    Parameters
    ----------
    text
        ``module:name``, ``path/file.py:name``, or without a name if there is only one actor.
    folder
        The folder where modules are, and from which paths begin; by default the current one.

    Attributes
    ----------
    module
        The name of the module, once it has been imported.
    """

    def __init__(self, text: str, folder: pathlib.Path | None = None) -> None:
        place, _, name = text.rpartition(":")
        if not place or os.sep in name or name.endswith(".py"):
            place, name = text, ""
        self.folder = pathlib.Path.cwd() if folder is None else folder
        if folder is not None and _is_path(place):
            place = str(folder / place)
        self.place = place
        self.name = name
        self.module = ""

    @property
    def stem(self) -> str:
        """The name of the file or the module, without its folder or package."""
        return pathlib.Path(self.place).stem if _is_path(self.place) else self.place.split(".")[-1]

    def find(self) -> Any:
        """Import the module, and return the class, actor or function.

        Raises
        ------
        CannotRun
            If there is no such thing, or the module cannot be imported.
        """
        module = self._import()
        self.module = module.__name__
        if not self.name:
            return _only_actor(module, self.place)
        found: Any = module
        for part in self.name.split("."):
            if not hasattr(found, part):
                raise CannotRun(f"{self.place} has no {self.name!r}.{_hint(found, part)}")
            found = getattr(found, part)
        if not (_is_actor(found) or inspect.isclass(found) or inspect.isroutine(found)):
            raise CannotRun(
                f"{self.name!r} in {self.place} is {_article(found)}, not an actor: name a class "
                "of actors, an actor, or a function that returns one."
            )
        return found

    def _import(self) -> ModuleType:
        try:
            if _is_path(self.place):
                return _import_file(pathlib.Path(self.place))
            sys.path.insert(0, str(self.folder))
            return importlib.import_module(self.place)
        except CannotRun:
            raise
        except (Exception, SystemExit) as error:
            if is_debugging():
                raise
            raise CannotRun(self._why_not(error)) from None

    def _why_not(self, error: BaseException) -> str:
        if isinstance(error, ModuleNotFoundError) and _is_part(error.name, self.place):
            is_file = (self.folder / f"{self.place.replace('.', os.sep)}.py").is_file()
            where = "here" if self.folder == pathlib.Path.cwd() else f"in {self.folder}"
            return f"There is no module {self.place!r} {where}, nor is one installed." + (
                "" if is_file else " For a file, write its path: clu run path/to/camera.py:Camera"
            )
        if isinstance(error, RuntimeError) and "event loop" in str(error):
            return (
                f"{self.place} runs a program when it is imported. Put that below "
                '`if __name__ == "__main__":`.'
            )
        return f"Cannot import {self.place}: {describe(error)} CLU_DEBUG=1 shows the traceback."


def _is_path(place: str) -> bool:
    return place.endswith(".py") or os.sep in place


def _is_part(name: str | None, place: str) -> bool:
    return name is not None and (place == name or place.startswith(f"{name}."))


def _import_file(path: pathlib.Path) -> ModuleType:
    if not path.is_file():
        folder = path.parent if path.parent.is_dir() else pathlib.Path()
        names = [str(each) for each in folder.glob("*.py")]
        close = difflib.get_close_matches(str(path), names, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise CannotRun(f"There is no file {path}.{hint}")
    sys.path.insert(0, str(path.parent.resolve()))
    name = path.stem if path.stem not in sys.modules else f"clu_run_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _is_actor(found: object) -> bool:
    from clu.base import BaseActor

    return isinstance(found, BaseActor)


def _is_class(found: object) -> bool:
    from clu.base import BaseActor

    return (
        isinstance(found, type) and issubclass(found, BaseActor) and not inspect.isabstract(found)
    )


def _only_actor(module: ModuleType, place: str) -> BaseActor | type[BaseActor]:
    """Return the only actor, or else the only class of actors, of a module."""
    names = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    actors = {name: value for name, value in names.items() if _is_actor(value)}
    classes = {
        name: value
        for name, value in names.items()
        if _is_class(value) and not value.__module__.startswith("clu.")
    }
    own = {name: value for name, value in classes.items() if value.__module__ == module.__name__}
    found: dict[str, Any] = actors or _leaves(own) or _leaves(classes)
    if len({id(value) for value in found.values()}) == 1:
        return next(iter(found.values()))  # type: ignore[no-any-return]
    if not found:
        raise CannotRun(
            f"{place} has no actor, and no class of actors: a class that derives from "
            f"clu.AMQPActor, JSONActor or LegacyActor. A function that returns an actor is run "
            f"with its name: clu run {place}:make_actor"
        )
    listed = ", ".join(sorted(found))
    raise CannotRun(
        f"{place} has several actors: {listed}. Choose one: clu run {place}:{min(found)}"
    )


def _leaves(classes: dict[str, Any]) -> dict[str, Any]:
    """Leave out the classes that are only the bases of others."""
    bases = {base for value in classes.values() for base in value.__mro__[1:]}
    return {name: value for name, value in classes.items() if value not in bases}


def _hint(owner: object, name: str) -> str:
    names = [each for each in vars(owner) if not each.startswith("_")]
    close = difflib.get_close_matches(name, names, 1, 0.5)
    if close:
        return f" Did you mean {close[0]!r}?"
    usable = sorted(each for each in names if _is_class(vars(owner)[each]))
    return f" It has {', '.join(usable)}." if usable else ""


def _article(found: object) -> str:
    kind = "command of an actor" if isinstance(found, click.Command) else type(found).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
