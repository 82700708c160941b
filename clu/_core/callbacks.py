"""User callbacks: called with as many arguments as they accept, and never fatal."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import sys
from typing import TYPE_CHECKING, Any

from clu._speedups.model import Caller

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = [
    "CallbackMixIn",
    "call_user_function",
    "callback_name",
    "log_callback_error",
    "start_user_coroutine",
]

logger = logging.getLogger("clu")


def callback_name(callback: object) -> str:
    """Return the name of a callback, for log messages."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    name = getattr(callback, "__qualname__", None) or type(callback).__qualname__
    return f"{getattr(callback, '__module__', None) or '?'}.{name}"


def _positional_capacity(callback: Callable[..., Any]) -> int | None:
    """Return how many positional arguments a callback accepts, or None for any number."""
    signature: inspect.Signature | None
    if _is_mock(callback):
        # inspect would compare it, and mocks count that as a call. The class of one that is
        # autospecced has the signature.
        signature = getattr(type(callback), "__signature__", None)
        if signature is None:
            return None
    else:
        try:
            signature = inspect.signature(callback)
        except (TypeError, ValueError):  # builtins without a signature
            return None
    parameters = signature.parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _is_mock(callback: object) -> bool:
    """Whether a callback is a mock: a test looks at what it is called with, and at nothing else."""
    mock = sys.modules.get("unittest.mock")
    return mock is not None and isinstance(callback, mock.NonCallableMock)


def call_user_function(callback: Callable[..., Any], *args: object) -> Any:
    """Call a user function with the arguments it accepts, and log any exception.

    Returns
    -------
    result
        The return value (possibly an awaitable), or None if the function raised.
    """
    return _call(callback, args)


def start_user_coroutine(
    coroutine: Coroutine[Any, Any, Any], report: Callable[[BaseException], None]
) -> asyncio.Task[Any]:
    """Run a user coroutine as a task, and report any exception.

    Parameters
    ----------
    coroutine
        The coroutine.
    report
        A function that is called with the exception, unless the task was cancelled.
    """

    def ended(task: asyncio.Task[Any]) -> None:
        coroutine.close()  # it never started if the task was cancelled first
        if not task.cancelled() and (error := task.exception() or task.result()) is not None:
            report(error)

    task = asyncio.get_running_loop().create_task(_exit_of(coroutine))
    task.add_done_callback(ended)
    return task


async def _exit_of(coroutine: Coroutine[Any, Any, Any]) -> SystemExit | None:
    """Return the SystemExit that a coroutine raises: in a task it would stop the event loop."""
    try:
        await coroutine
    except SystemExit as error:
        return error
    return None


async def await_user_function(callback: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    """Call a user function or coroutine function, wait for it, and log any exception.

    Returns
    -------
    result
        The return value, or None if the function raised.
    """
    try:
        result = callback(*args, **kwargs)
        return await result if asyncio.iscoroutine(result) else result
    except (KeyboardInterrupt, asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as error:
        log_callback_error(callback, error)
        return None


def log_callback_error(callback: Callable[..., Any], error: BaseException) -> None:
    """Log an error that a callback has raised."""
    logger.error("The callback %s raised an error.", callback_name(callback), exc_info=error)


_call = Caller(_positional_capacity, log_callback_error).call


class CallbackMixIn:
    """A mix-in for objects that notify callbacks.

    Parameters
    ----------
    callbacks
        Functions or coroutine functions to call.
    loop
        Ignored; kept for backward compatibility.
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
        """Call the callbacks with as many of the arguments as they accept.

        Coroutines run as tasks. An error in a callback is logged and does not affect the others.
        """
        for callback in list(self._callbacks or ()):
            result = _call(callback, args)
            if result is not None and asyncio.iscoroutine(result):
                task = start_user_coroutine(result, functools.partial(log_callback_error, callback))
                self._running.append(task)
                task.add_done_callback(self._running.remove)

    def register_callback(self, callback_func: Callable[..., Any]) -> None:
        """Add a function or coroutine function to the callbacks.

        Raises
        ------
        AssertionError
            If it cannot be called.
        """
        if not callable(callback_func):
            raise AssertionError("callback_func must be a callable.")
        self._callbacks.append(callback_func)

    def remove_callback(self, callback_func: Callable[..., Any]) -> None:
        """Remove a callback.

        Raises
        ------
        AssertionError
            If it is not registered.
        """
        if callback_func not in self._callbacks:
            raise AssertionError("callback_func is not in the list of callbacks.")
        self._callbacks.remove(callback_func)

    async def stop_callbacks(self) -> None:
        """Cancel the callbacks that are still running."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
