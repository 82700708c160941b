"""Calls everything that a kernel has with what it is not made for.

As ``abuse.py MODULE PROGRESS OUTCOME`` it runs in a process of its own, which must not end before
it writes the outcomes. What is being called is in the file PROGRESS, so that a crash has a name.
Interpreted builds, which cannot crash by themselves, get nothing but None: that tells what they
refuse.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import inspect
import json
import random
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: How many calls with arguments by chance each callable gets.
BY_CHANCE = 150
#: How many arguments are tried where there is no signature.
MOST_ARGUMENTS = 4
DEPTH = 100_000
NO_METHODS = ["__new__", "__dict__", "__weakref__", "__doc__", "__module__", "__slots__"]


class Hostile:
    """Has every attribute, each of which is None; its methods raise."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def __str__(self) -> str:
        raise RuntimeError("no string")

    def __iter__(self) -> Iterator[Any]:
        yield None
        raise RuntimeError("no more items")

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, key: object) -> Any:
        raise KeyError(key)

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")

    def __call__(self, *args: object) -> None:
        return None


def nested(make: Callable[[Any], Any]) -> Any:
    value: Any = make(None)
    for _ in range(DEPTH):
        value = make(value)
    return value


def loop_of(value: Any, add: Callable[[Any, Any], Any]) -> Any:
    add(value, value)
    return value


def values() -> list[Any]:
    """Return what is given to everything."""
    return [
        *(None, True, 0, 1, -1, 2**31, -(2**63), 2**64, 10**5000, 0.5, float("nan"), 1j),
        *("", "a", "é\ud800\0", "x" * 100_000, b"", b"\0" * 99, bytearray(b"ab"), memoryview(b"c")),
        *([], [None], (), (None,), ((), ()), {}, {"a": None}, {None: 1}, {"a": {"b": (1, [2.5])}}),
        *(set(), range(3), iter([]), object(), Hostile(), Hostile, len, lambda *_: None),
        *(int, list, dict, type, object, type(None), type(iter([])), types.CodeType, Ellipsis),
        *({1: 2, "": ""}, [1, "a", None, 2.5], [(1, 2)], ["a"] * 3, ValueError("x"), sys),
        *(nested(lambda v: [v]), nested(lambda v: (v,)), nested(lambda v: {"a": v})),
        *(loop_of([], list.append), loop_of({}, lambda d, v: d.update(a=v))),
        nested(lambda v: {"items": v} if v else {}),
    ]


def classes_of(module: types.ModuleType) -> list[type]:
    return [
        each
        for each in vars(module).values()
        if isinstance(each, type) and each.__module__ == module.__name__
    ]


def functions_of(module: types.ModuleType) -> dict[str, Any]:
    return {
        name: each
        for name, each in vars(module).items()
        if callable(each)
        and not isinstance(each, type)
        and getattr(each, "__module__", None) == module.__name__
    }


def uninitialised(cls: type) -> list[Any]:
    found = []
    with contextlib.suppress(Exception):
        found.append(cls.__new__(cls))
    return found


def derived(cls: type) -> list[type]:
    """Return classes that derive from one, of which some have no instances."""
    found = []
    for new in (None, lambda *_: None, lambda *_: "text"):
        with contextlib.suppress(Exception):
            found.append(type("Derived", (cls,), {"__new__": new} if new else {}))
    return found


def arities(function: Any) -> range:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return range(MOST_ARGUMENTS + 1)
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return range(MOST_ARGUMENTS + 1)
    return range(len(parameters), len(parameters) + 1)


class Abuse:
    """Calls everything in a module.

    Parameters
    ----------
    module, twin
        The build that is called, and the one that tells how many arguments there are.
    progress
        Where what is being called is written.
    """

    def __init__(self, module: types.ModuleType, twin: types.ModuleType, progress: Any) -> None:
        self.module = module
        self.twin = twin
        self.progress = progress
        self.problems: list[str] = []
        #: Whether functions and methods that got nothing but None raised, by their names.
        self.refused: dict[str, bool] = {}
        self.calls = 0
        self._now = ""
        classes = classes_of(module)
        empty = [each for cls in classes for each in uninitialised(cls)]
        functions = list(functions_of(module).values())
        methods = [
            getattr(each, name)
            for each in empty
            for name in vars(type(each))
            if not name.startswith("__") and callable(getattr(each, name, None))
        ]
        heirs = [each for cls in classes for each in derived(cls)]
        self.values = [*values(), *classes, *empty, *functions, *methods, *heirs]
        if not module.__name__.endswith("_c"):
            self.values = [None]
        self.random = random.Random(module.__name__)

    def run(self) -> None:
        sys.unraisablehook = lambda args: self.problems.append(
            f"{self._now}: an error is ignored: {args.exc_value!r}"
        )
        for name, function in functions_of(self.module).items():
            self.abuse(name, function, getattr(self.twin, name, function))
        for cls in classes_of(self.module):
            self.abuse_class(cls, getattr(self.twin, cls.__name__, cls))
        gc.collect()

    def abuse_class(self, cls: type, twin: type) -> None:
        # The constructor, then methods of what it has made, and of what it has not seen.
        made = uninitialised(cls)
        before = len(made)
        self.abuse(cls.__name__, cls, twin, made)
        made = made[:before] + self.random.sample(made[before:], min(2, len(made) - before))
        for number, instance in enumerate(made):
            for name in vars(cls):
                where = f"{cls.__name__}.{name} of {'an empty one' if number < before else 'one'}"
                if name in NO_METHODS:
                    continue
                if callable(getattr(cls, name, None)):
                    method = getattr(instance, name, None)
                    self.abuse(where, method, getattr(twin, name, method))
                    if number == 0:
                        unbound = getattr(cls, name)
                        self.abuse(f"{where}, unbound", unbound, getattr(twin, name, method))
                else:
                    self.abuse_attribute(where, instance, name)

    def abuse_attribute(self, where: str, instance: Any, name: str) -> None:
        self.call(where, getattr, (instance, name))
        for value in self.values:
            self.call(where, setattr, (instance, name, value))
        self.call(where, delattr, (instance, name))
        self.call(where, getattr, (instance, name))

    def abuse(self, name: str, function: Any, twin: Any, made: list[Any] | None = None) -> None:
        lengths = arities(twin)
        if inspect.isfunction(twin) and "self" in inspect.signature(twin).parameters:
            lengths = range(lengths.start - 1, lengths.stop)  # bound, or not
        for length in lengths:
            refused = self.call(name, function, (None,) * length)
            if made is None and "__" not in name and "unbound" not in name:
                self.refused[f"{name}{(None,) * length}"] = refused
            for value in self.values:
                self.call(name, function, (value,) * length, made)
            for _ in range(BY_CHANCE if length else 0):
                chosen = tuple(self.random.choices(self.values, k=length))
                self.call(name, function, chosen, made)

    def call(
        self, name: str, function: Any, arguments: tuple[Any, ...], made: list[Any] | None = None
    ) -> bool:
        """Call something; tell whether it raised."""
        self._now = f"{name}({', '.join(shown(each) for each in arguments)})"
        self.progress.seek(0)
        self.progress.write(self._now.encode("ascii", "backslashreplace") + b"\n" * 99)
        self.calls += 1
        try:
            result = function(*arguments)
        except SystemError as error:
            self.problems.append(f"{self._now}: {error!r}")
        except BaseException:
            return True
        else:
            if made is not None:
                made.append(result)
        return False


def shown(value: Any) -> str:
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    return f"<{type(value).__name__}>"


def main(name: str, path: str, outcome: str) -> None:
    faulthandler.enable()
    module = importlib.import_module(name)
    try:
        twin = importlib.import_module(name.removesuffix("_c") + "_py")
    except ImportError:  # it has none
        twin = module
    with open(path, "wb", buffering=0) as progress:
        abuse = Abuse(module, twin, progress)
        abuse.run()
    with open(outcome, "w") as file:
        json.dump([abuse.calls, abuse.problems[:20], abuse.refused], file)


if __name__ == "__main__":
    sys.stdin.close()
    main(*sys.argv[1:])
