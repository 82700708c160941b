"""A stack of click contexts for each asyncio task.

click keeps its stack of contexts in a thread-local list, which all the tasks of an event loop
share. Here the stack is a context variable: a task has the context of the command that created
it, concurrent commands do not see each other's contexts, and none is left on the stack.
"""

from __future__ import annotations

import contextvars
from typing import Any

import click.globals

_stack: contextvars.ContextVar[tuple[click.Context, ...]] = contextvars.ContextVar("clu_click")


class _Stack:
    """The methods of a list that click uses.

    Parameters
    ----------
    original
        The original thread-local, whose stack is below this one: it has the contexts that a
        program entered before its first actor parsed a command.
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
    """The attributes of a ``threading.local`` that click uses."""

    def __init__(self, original: Any) -> None:
        self.stack = _Stack(original)
        self._attributes: dict[str, Any] = {"stack": self.stack}

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        return self._attributes


def use_task_contexts() -> None:
    """Make click keep a stack of contexts for each task; other uses of click are not affected."""
    local = getattr(click.globals, "_local", None)
    if local is not None and not isinstance(local, _Local):
        click.globals._local = _Local(local)  # type: ignore[assignment]
