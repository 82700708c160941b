"""Callbacks of users: called with as many arguments as they take, never fatal."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["CallbackMixIn", "call_user_function", "callback_name", "start_user_coroutine"]

logger = logging.getLogger("clu")


def callback_name(callback: object) -> str:
    """Return a name by which a user recognises the callback in a log."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    name = getattr(callback, "__qualname__", None) or type(callback).__qualname__
    return f"{getattr(callback, '__module__', None) or '?'}.{name}"


def positional_capacity(callback: Callable[..., Any]) -> int | None:
    """Return how many positional arguments a callback takes, or None for any number."""
    function = getattr(callback, "__func__", callback)
    if type(function) is types.FunctionType and not function.__dict__:
        # Nothing can have changed its signature, which is slow to make.
        code = function.__code__
        if code.co_flags & inspect.CO_VARARGS:
            return None
        return code.co_argcount - (type(callback) is types.MethodType)
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):  # builtins without a signature
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def call_user_function(callback: Callable[..., Any], *args: object) -> Any:
    """Call a function of the user with the arguments it takes; log what it raises.

    Returns
    -------
    result
        What the function returned (maybe an awaitable), or None if it raised.
    """
    capacity = positional_capacity(callback)
    try:
        return callback(*(args if capacity is None else args[:capacity]))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _log(callback, error)
        return None


def start_user_coroutine(
    coroutine: Coroutine[Any, Any, Any], report: Callable[[BaseException], None]
) -> asyncio.Task[Any]:
    """Run a coroutine of the user as a task; report what it raises.

    Parameters
    ----------
    coroutine
        The coroutine.
    report
        A function that is called with the exception, unless the task was cancelled.
    """

    def ended(task: asyncio.Task[Any]) -> None:
        coroutine.close()  # it has not begun if the task was cancelled before it could
        if not task.cancelled() and (error := task.exception() or task.result()) is not None:
            report(error)

    task = asyncio.get_running_loop().create_task(_exit_of(coroutine))
    task.add_done_callback(ended)
    return task


async def _exit_of(coroutine: Coroutine[Any, Any, Any]) -> SystemExit | None:
    """Return the exit that a coroutine asks for: raised in a task, it would end the event loop."""
    try:
        await coroutine
    except SystemExit as error:
        return error
    return None


async def await_user_function(callback: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    """Call a function or coroutine function of the user to its end; log what it raises.

    Returns
    -------
    result
        What the function returned, or None if it raised.
    """
    try:
        result = callback(*args, **kwargs)
        return await result if asyncio.iscoroutine(result) else result
    except (KeyboardInterrupt, asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as error:
        _log(callback, error)
        return None


def _log(callback: Callable[..., Any], error: BaseException) -> None:
    logger.error("The callback %s raised an error.", callback_name(callback), exc_info=error)


class CallbackMixIn:
    """A mix-in for things that notify callbacks.

    Parameters
    ----------
    callbacks
        Functions or coroutine functions to call.
    loop
        Ignored; kept for callers of older releases.
    """

    def __init__(
        self,
        callbacks: list[Callable[..., Any]] = [],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._callbacks: list[Callable[..., Any]] = []
        self._running: list[asyncio.Future[Any]] = []
        for callback in callbacks:
            self.register_callback(callback)

    def notify(self, *args: object) -> None:
        """Call the callbacks with as many of the arguments as they take.

        Coroutines become tasks. An error in a callback is logged, and does not stop the others.
        """
        for callback in list(self._callbacks):
            result = call_user_function(callback, *args)
            if asyncio.iscoroutine(result):
                task = start_user_coroutine(result, functools.partial(_log, callback))
                self._running.append(task)
                task.add_done_callback(self._running.remove)

    def register_callback(self, callback_func: Callable[..., Any]) -> None:
        """Add a function or coroutine function to the callbacks."""
        self._callbacks.append(callback_func)

    def remove_callback(self, callback_func: Callable[..., Any]) -> None:
        """Remove a callback.

        Raises
        ------
        AssertionError
            If it is not among the callbacks.
        """
        if callback_func not in self._callbacks:
            raise AssertionError("callback_func is not in the list of callbacks.")
        self._callbacks.remove(callback_func)

    async def stop_callbacks(self) -> None:
        """Cancel the callbacks that still run."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
