"""A stack of click contexts for each asyncio task.

click keeps its stack of contexts in a thread-local list, which all the tasks of an event loop
share. Here the stack is a context variable: a task sees the context of the command that created
it, many commands run at once without seeing each other's, and nothing is left behind.
"""

from __future__ import annotations

import contextvars
from typing import Any

import click.globals

_stack: contextvars.ContextVar[tuple[click.Context, ...]] = contextvars.ContextVar("clu_click")


class _Stack:
    """What click uses of a list.

    Parameters
    ----------
    original
        The thread-local whose stack lies below this one: it holds the contexts of a program that
        entered them before its first actor parsed a command.
    """

    def __init__(self, original: Any) -> None:
        self._original = original

    def append(self, context: click.Context) -> None:
        _stack.set((*_stack.get(()), context))

    def pop(self) -> click.Context:
        contexts = _stack.get(())
        if not contexts:
            bottom: click.Context = self._original.stack.pop()
            return bottom
        _stack.set(contexts[:-1])
        return contexts[-1]

    def __getitem__(self, index: int) -> click.Context:
        contexts = _stack.get(())
        if not contexts:
            bottom: click.Context = self._original.stack[index]
            return bottom
        return contexts[index]


class _Local:
    """What click uses of a ``threading.local``."""

    def __init__(self, original: Any) -> None:
        self.stack = _Stack(original)
        self._attributes: dict[str, Any] = {"stack": self.stack}

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        return self._attributes


def use_task_contexts() -> None:
    """Make click keep its contexts by task. A program's own use of click is not affected."""
    if not isinstance(click.globals._local, _Local):
        click.globals._local = _Local(click.globals._local)  # type: ignore[assignment]
