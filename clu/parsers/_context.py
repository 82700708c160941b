"""A stack of click contexts for each asyncio task.

click keeps its stack of contexts in a thread-local list, which all the tasks of an event loop
share. Here the stack is a context variable: a task has the context of the command that created
it, concurrent commands do not see each other's contexts, and none is left on the stack.
"""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING, Any

import click.globals

from clu.parsers._lazy import LazyContext

if TYPE_CHECKING:
    from typing_extensions import Self

    AnyContext = click.Context | LazyContext

_stack: contextvars.ContextVar[tuple[AnyContext, ...]] = contextvars.ContextVar("clu_click")


class Entered:
    """A ``with`` statement for contexts of click, in a third of the time of theirs.

    It is for contexts of click's own class, while `use_task_contexts` is in force. Contexts with
    something to do when they are closed are left to click.
    """

    __slots__ = ("_contexts", "_previous")

    def __init__(self) -> None:
        self._contexts: tuple[AnyContext, ...] = ()
        self._previous = _stack.get(())

    def __enter__(self) -> Self:
        return self

    def enter(self, *contexts: AnyContext) -> None:
        """Make contexts the current ones, the last one innermost, until the statement ends."""
        self._contexts += contexts
        _stack.set(self._previous + self._contexts)
        for context in contexts:
            if isinstance(context, LazyContext):
                context.entered += 1
            else:
                context._depth += 1

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        contexts = self._made()
        if any(map(has_callbacks, contexts)):
            with contextlib.ExitStack() as stack:
                for context in contexts:
                    stack.push(context)
                if error is not None:
                    raise error
            return error is not None
        for context in contexts:
            context._depth -= 1
        _stack.set(self._previous)
        return False

    def _made(self) -> list[click.Context]:
        """Return the contexts that have been made: all of them, or none."""
        made = []
        for context in self._contexts:
            if not isinstance(context, LazyContext):
                made.append(context)
                continue
            context.entered -= 1
            if context.made is not None:
                made.append(context.made)
        return made


def has_callbacks(context: click.Context) -> bool:
    """Whether anything is to be done when a context is closed."""
    return bool(context._exit_stack._exit_callbacks)  # type: ignore[attr-defined]


def is_current(context: click.Context) -> bool:
    """Whether a context is the current one of the task."""
    contexts = _stack.get(())
    if contexts:
        return contexts[-1] is context or getattr(contexts[-1], "made", None) is context
    return click.get_current_context(silent=True) is context


def is_plain(context: click.Context) -> bool:
    """Whether `Entered` can enter a context."""
    return type(context) is click.Context and isinstance(click.globals._local, _Local)


def _made(context: AnyContext) -> click.Context:
    return context.make() if isinstance(context, LazyContext) else context


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
        return _made(contexts[-1])

    def __getitem__(self, index: int) -> click.Context:
        contexts = _stack.get(())
        if not contexts:
            bottom: click.Context = self._original.stack[index]
            return bottom
        return _made(contexts[index])


class _Local:
    """The attributes of a ``threading.local`` that click uses."""

    def __init__(self, original: Any) -> None:
        self.stack = _Stack(original)
        self._attributes: dict[str, Any] = {"stack": self.stack}

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        return self._attributes


def use_task_contexts() -> bool:
    """Make click keep a stack of contexts for each task; other uses of click are not affected.

    Returns
    -------
    whether
        Whether click does, as it has a stack where it is looked for.
    """
    local = getattr(click.globals, "_local", None)
    if local is None:
        return False
    if not isinstance(local, _Local):
        click.globals._local = _Local(local)  # type: ignore[assignment]
    return True
