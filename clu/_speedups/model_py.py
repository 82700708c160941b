"""Model kernel: storing messages in the properties of a model, and calling callbacks.

It is the source of both builds.
"""

from __future__ import annotations

import inspect
from time import time
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from clu._speedups.copying import reduced

if TYPE_CHECKING:
    from collections.abc import Callable

_FIELDS = ("_callbacks", "_running", "_value", "in_schema", "last_seen", "model", "name")
_VARARGS = inspect.CO_VARARGS


class PropertyFields:
    """The attributes of a property."""

    name: str
    _value: Any
    last_seen: float | None
    model: Any
    in_schema: bool
    _callbacks: list[Any]
    _running: list[Any]

    def _copied(self, cls: type[PropertyFields]) -> Any:
        """Return a copy of a class, without the callbacks."""
        # Equivalent to calling the class, in less time: each change makes a copy.
        twin: PropertyFields = cls.__new__(cls)
        twin.name = self.name
        twin._value = self._value
        twin.last_seen = self.last_seen
        twin.model = self.model
        twin.in_schema = self.in_schema
        twin._callbacks = []
        twin._running = []
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self, _FIELDS)


def update_properties(model: Any, message: dict[Any, Any]) -> None:
    """Store the values of a message in the properties of a model, and call the callbacks.

    Parameters
    ----------
    model
        A model of properties. Its ``_known`` holds the properties that were looked up before, and
        its ``_find`` returns any other.
    message
        The keywords and their values. A dictionary is merged into the previous one.
    """
    now = time()
    model.last_seen = now
    listeners = model._callbacks
    known = model._known
    for keyword, value in message.items():
        found = known.get(keyword)
        prop: Any = model._find(keyword) if found is None else found
        if isinstance(value, dict):
            old = prop._value
            value = {**old, **value} if isinstance(old, dict) else dict(value)
        prop._value = value
        prop.last_seen = now
        if prop._callbacks:
            prop.notify(prop.copy())
        if listeners:
            model.notify(model.flatten(), prop.copy())


def values_of(model: Any, plain: type) -> dict[Any, Any]:
    """Return the names and values of the properties of a model.

    Parameters
    ----------
    model
        A dictionary of properties.
    plain
        The class of properties whose ``value`` is their ``_value``.
    """
    values = {}
    for name, item in model.items():
        if type(item) is plain:
            prop: Any = item
            values[name] = prop._value
        else:
            values[name] = item.value
    return values


class Caller:
    """Calls user functions.

    Parameters
    ----------
    capacity_of
        Returns how many positional arguments a callable accepts, or None for any number.
    report
        Is called with a function and the error that it has raised.
    """

    __slots__ = ("_capacity_of", "_report")

    def __init__(
        self, capacity_of: Callable[[Any], int | None], report: Callable[[Any, BaseException], None]
    ) -> None:
        self._capacity_of = capacity_of
        self._report = report

    def call(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Call a user function with the arguments that it accepts, and report any exception.

        Returns
        -------
        result
            The return value (possibly an awaitable), or None if the function raised.
        """
        function = getattr(callback, "__func__", callback)
        if type(function) is FunctionType and not function.__dict__:
            # Its signature cannot have been changed, and inspect is slow to build one.
            code = function.__code__
            if not code.co_flags & _VARARGS:
                capacity = code.co_argcount - (type(callback) is MethodType)
                if capacity < len(args):
                    args = args[:capacity]
        else:
            most = self._capacity_of(callback)
            if most is not None:
                args = args[:most]
        try:
            return callback(*args)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._report(callback, error)
            return None
