"""Keywords with their values, and the base class of models."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from clu._core.callbacks import CallbackMixIn
from clu._core.case_insensitive_dict import CaseInsensitiveDict
from clu._speedups.model import PropertyFields, values_of
from clu._speedups.reply import json_text

if TYPE_CHECKING:
    from collections.abc import Callable


class Property(PropertyFields, CallbackMixIn):
    """A keyword of a model.

    Parameters
    ----------
    name
        The name of the keyword.
    value
        Its value.
    model
        The model that it belongs to.
    callback
        A function or coroutine function that is called with a copy of the property when its
        value is set, even if it does not change.

    Attributes
    ----------
    last_seen
        The Unix time at which the value was last set, or None.
    in_schema
        Whether the keyword is in the schema of the model.
    """

    def __init__(
        self,
        name: str,
        value: Any | None = None,
        model: Any | None = None,
        callback: Callable[[Any], Any] | None = None,
    ) -> None:
        CallbackMixIn.__init__(self, [callback] if callback is not None else [])
        self.name = name
        self._value = value
        self.last_seen: float | None = None
        self.model = model
        self.in_schema = True

    @property
    def value(self) -> Any:
        """The value of the keyword. Setting it runs the callbacks."""
        return self._value

    @value.setter
    def value(self, new_value: Any) -> None:
        self._value = new_value
        self.last_seen = time.time()
        if self._callbacks:
            self.notify(self.copy())

    def copy(self) -> Property:
        """Return a copy without the callbacks."""
        copy: Property = self._copied(Property)
        return copy

    def flatten(self) -> dict[str, Any]:
        """Return a dictionary with the name and the value."""
        return {self.name: self.value}

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({self.name}): {self.value}>"


PropertyType = TypeVar("PropertyType", bound=Property)


class CluModel(CaseInsensitiveDict[PropertyType], CallbackMixIn):
    """The base class of models: a case-insensitive dictionary of properties.

    Parameters
    ----------
    name
        The name of the model.
    callback
        A function or coroutine function that is called when a keyword changes, with the values
        of all keywords and a copy of the property that changed.

    Attributes
    ----------
    last_seen
        The Unix time at which the model was last updated, or None.
    """

    def __init__(self, name: str, callback: Callable[..., Any] | None = None) -> None:
        CaseInsensitiveDict.__init__(self, {})
        CallbackMixIn.__init__(self, [callback] if callback is not None else [])
        self.name = name
        self.last_seen: float | None = None

    def flatten(self) -> dict[str, Any]:
        """Return a dictionary with the names and values of the keywords."""
        return values_of(self, Property)

    def jsonify(self) -> str:
        """Return the names and values of the keywords as JSON."""
        return json_text(self.flatten())

    def __str__(self) -> str:
        return str(self.flatten())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({self.name})>"
