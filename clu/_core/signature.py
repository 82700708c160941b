"""Functions with a more general signature."""

from __future__ import annotations

import inspect
import types
from typing import Any


def with_open_signature(function: Any, doc: str) -> Any:
    """Return a copy of a method with the signature ``(self, *args, **kwargs)``.

    That is the documented signature of some methods that only pass on their arguments. The copy has
    it without the cost of the additional call.

    Parameters
    ----------
    function
        The method.
    doc
        The docstring of the copy.
    """
    copy = types.FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__annotations__ = function.__annotations__
    copy.__doc__ = doc
    parameter = inspect.Parameter
    copy.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            parameter("self", parameter.POSITIONAL_OR_KEYWORD),
            parameter("args", parameter.VAR_POSITIONAL),
            parameter("kwargs", parameter.VAR_KEYWORD),
        ]
    )
    return copy
