"""Expressions about a value, such as ``value > 3``, which can do nothing but look at it.

They are parsed by Python, and evaluated here: what is not listed here does not exist.
"""

from __future__ import annotations

import ast
import difflib
import operator
from typing import TYPE_CHECKING, Any, cast

from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Expression"]

_LONGEST = 1000
_VALUE = "value"
_CONSTANTS = {"true": True, "false": False, "null": None}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "len": len,
    "max": max,
    "min": min,
    "round": round,
    "sum": sum,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


class Expression:
    """An expression about a value.

    It has comparisons, ``and``, ``or``, ``not``, ``in``, arithmetic with numbers, ``value[0]``,
    ``value["key"]``, lists, and the functions abs, len, max, min, round and sum. ``true``,
    ``false`` and ``null`` are those of JSON.

    Parameters
    ----------
    text
        The expression.

    Raises
    ------
    CluValueError
        If it is not one.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > _LONGEST:
            raise CluValueError(f"The expression is longer than {_LONGEST} characters.")
        try:
            self._body = ast.parse(text.strip(), mode="eval").body
            _check(self._body, text)
        except SyntaxError as error:
            hint = " Use == to compare." if _is_assignment(text) else ""
            raise CluValueError(f"{text!r} is not an expression: {error.msg}.{hint}") from None
        except (ValueError, MemoryError, RecursionError) as error:
            if isinstance(error, CluValueError):
                raise
            raise CluValueError(f"{text!r} is not an expression: {error}.") from None

    def __call__(self, value: Any) -> bool:
        """Whether it is true for a value.

        Raises
        ------
        CluValueError
            If it cannot be evaluated with this value.
        """
        try:
            return bool(_evaluate(self._body, value))
        except Exception as error:  # whatever the value makes of it
            reason = f"no {error}" if isinstance(error, KeyError) else error
            problem = f"{self.text!r} cannot be evaluated for the value {value!r}: {reason}."
            raise CluValueError(problem) from None


def _is_assignment(text: str) -> bool:
    try:
        ast.parse(text.strip())
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _check(node: ast.AST, text: str) -> None:
    """Raise an error unless there is only what can be evaluated."""
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise _not_possible(node, text)
        if node.func.id not in _FUNCTIONS:
            raise _no_name(node.func.id, _FUNCTIONS, "function")
        children: list[ast.AST] = list(node.args)
    elif isinstance(node, ast.Name):
        if node.id != _VALUE and node.id not in _CONSTANTS:
            raise _no_name(node.id, [_VALUE, *_CONSTANTS], "name")
        children = []
    elif (
        isinstance(node, (ast.BoolOp, ast.List, ast.Tuple, ast.Set, ast.Subscript, ast.Slice))
        or (isinstance(node, ast.UnaryOp) and type(node.op) in _SIGNS)
        or (isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC)
        or isinstance(node, ast.Compare)
        or (isinstance(node, ast.Constant) and _is_plain(node.value))
    ):
        children = [item for item in ast.iter_child_nodes(node) if isinstance(item, ast.expr)]
    else:
        raise _not_possible(node, text)
    for child in children:
        _check(child, text)


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _no_name(name: str, known: Any, what: str) -> CluValueError:
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return CluValueError(f"There is no {what} {name!r} in expressions. Did you mean {near[0]}?")
    hint = f'Put quotes around a string: "{name}".' if what == "name" else ""
    hint = hint or f"There are {', '.join(known)}."
    return CluValueError(f"There is no {what} {name!r} in expressions. {hint}")


def _not_possible(node: ast.AST, text: str) -> CluValueError:
    part = ast.get_source_segment(text.strip(), node) or text
    return CluValueError(f"{part!r} is not possible in the expression {text!r}.")


def _evaluate(node: Any, value: Any) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return value if node.id == _VALUE else _CONSTANTS[node.id]
    if isinstance(node, ast.Compare):
        left = _evaluate(node.left, value)
        for kind, item in zip(node.ops, node.comparators, strict=True):
            right = _evaluate(item, value)
            if not _COMPARISONS[type(kind)](left, right):
                return False
            left = right
        return True
    if isinstance(node, ast.BoolOp):
        decides = isinstance(node.op, ast.Or)
        found = None
        for item in node.values:
            found = _evaluate(item, value)
            if bool(found) is decides:
                break
        return found
    if isinstance(node, ast.UnaryOp):
        return _SIGNS[type(node.op)](_evaluate(node.operand, value))
    if isinstance(node, ast.BinOp):
        left, right = _evaluate(node.left, value), _evaluate(node.right, value)
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            # "x" * 10**9, and the % of strings, take all memory.
            raise TypeError("there is arithmetic with something that is not a number")
        return _ARITHMETIC[type(node.op)](left, right)
    if isinstance(node, ast.Subscript):
        return _evaluate(node.value, value)[_evaluate(node.slice, value)]
    if isinstance(node, ast.Slice):
        parts = (node.lower, node.upper, node.step)
        return slice(*(None if part is None else _evaluate(part, value) for part in parts))
    if isinstance(node, ast.Call):
        function = cast("ast.Name", node.func)
        return _FUNCTIONS[function.id](*(_evaluate(item, value) for item in node.args))
    return [_evaluate(item, value) for item in node.elts]
