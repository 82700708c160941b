"""The event loop: getting it, shutting it down, and cancelling tasks."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

#: How long to wait for cancelled tasks to end, in seconds.
GRACE = 5.0


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop running in this thread, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def call_exception_handler(message: str, exception: Exception) -> None:
    """Pass an exception to the handler of the running event loop, or raise it if there is none."""
    loop = running_loop()
    if loop is None:
        raise exception
    loop.call_exception_handler({"message": message, "exception": exception})


def get_event_loop() -> asyncio.AbstractEventLoop:
    """Return the running or the current event loop, or set a new one as the current one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return _current_loop()


def _current_loop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop | None
    with warnings.catch_warnings():
        # Calling it without a current loop is deprecated, but that is the case handled here.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            loop = asyncio.get_event_loop()
        except RuntimeError:
            loop = None
    if loop is None or loop.is_closed():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
    return loop


async def call_at_shutdown(function: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
    """Call a coroutine function when the event loop shuts down or the guard is closed.

    Parameters
    ----------
    function
        The function.

    Returns
    -------
    guard
        Keep a reference to it; close it with ``aclose`` to call the function earlier.
    """
    guard = _call_when_closed(function)
    await guard.__anext__()
    return guard


async def _call_when_closed(function: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
    # Asynchronous generators are the only things that a loop closes after cancelling the tasks.
    try:
        yield
    finally:
        await function()


async def cancel_tasks(tasks: Iterable[asyncio.Task[Any]], grace: float = GRACE) -> int:
    """Cancel tasks, except the current one, and wait until they have ended.

    Parameters
    ----------
    tasks
        The tasks.
    grace
        The maximum number of seconds to wait.

    Returns
    -------
    uncancelled
        The number of tasks that are still running.
    """
    others = [task for task in tasks if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    if not others:
        return 0
    _, uncancelled = await asyncio.wait(others, timeout=grace)
    return len(uncancelled)
