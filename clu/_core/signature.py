"""Functions under a looser signature."""

from __future__ import annotations

import inspect
import types
from typing import Any


def with_open_signature(function: Any) -> Any:
    """Return a copy of a method that is documented as ``(self, *args, **kwargs)``.

    Some methods are recorded with that signature where they only pass their arguments on. This
    keeps the signature without the call.
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
    copy.__doc__ = function.__doc__
    parameter = inspect.Parameter
    copy.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            parameter("self", parameter.POSITIONAL_OR_KEYWORD),
            parameter("args", parameter.VAR_POSITIONAL),
            parameter("kwargs", parameter.VAR_KEYWORD),
        ]
    )
    return copy
