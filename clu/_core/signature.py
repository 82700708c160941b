"""Signatures: more general ones of functions, and complete ones of classes."""

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


def class_signature(cls: type) -> inspect.Signature:
    """Return the signature of a class with what ``*args`` and ``**kwargs`` stand for.

    Each ``__init__`` is taken to pass them on to the next one in the order of the base classes, as
    those of clu do.
    """
    parameter = inspect.Parameter
    found: dict[str, inspect.Parameter] = {}
    takes_args = takes_kwargs = True
    for base in cls.__mro__:
        init = base.__dict__.get("__init__")
        if not isinstance(init, types.FunctionType) or not takes_kwargs:
            continue
        own = list(inspect.signature(init).parameters.values())[1:]
        for each in own:
            if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) or each.name in found:
                continue
            if each.kind is not each.KEYWORD_ONLY and not takes_args:
                each = each.replace(kind=parameter.KEYWORD_ONLY)
            found[each.name] = each
        takes_args = takes_args and any(each.kind is each.VAR_POSITIONAL for each in own)
        takes_kwargs = any(each.kind is each.VAR_KEYWORD for each in own)
    if takes_kwargs:
        found["kwargs"] = parameter("kwargs", parameter.VAR_KEYWORD)
    return inspect.Signature(_in_order(list(found.values())))


def _in_order(parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    """Order parameters by kind; those without a default after others become keywords."""
    ordered, has_default = [], False
    for each in sorted(parameters, key=lambda each: each.kind):
        if each.kind is each.POSITIONAL_OR_KEYWORD:
            if each.default is each.empty and has_default:
                each = each.replace(kind=each.KEYWORD_ONLY)
            has_default = has_default or each.default is not each.empty
        ordered.append(each)
    return sorted(ordered, key=lambda each: each.kind)


class ClassSignature:
    """The attribute ``__signature__`` of a class whose ``__init__`` only passes on arguments.

    A subclass with an ``__init__`` of its own has the signature of that, as usual.
    """

    def __get__(self, instance: object, owner: type) -> inspect.Signature:
        for base in owner.__mro__:
            if "__signature__" in base.__dict__:
                return class_signature(owner)
            if "__init__" in base.__dict__:
                break
        raise AttributeError("__signature__")
