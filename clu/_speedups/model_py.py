"""Model kernel: storing messages in the properties of a model, the source of both builds."""

from __future__ import annotations

from time import time
from typing import Any


class PropertyFields:
    """The attributes of a property that each message reads or sets."""

    _value: Any
    last_seen: float | None
    _callbacks: list[Any]


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
