"""The event loop to use, inside and outside of one."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

#: How long to wait for tasks that were cancelled, in seconds.
GRACE = 5.0


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def get_event_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop, else the current one, else a new one that becomes current."""
    loop = running_loop()
    if loop is not None:
        return loop
    with warnings.catch_warnings():
        # It is deprecated to ask when there is none, which is what this is for.
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
    """Call a coroutine function when the event loop shuts down, or what is returned is closed.

    Parameters
    ----------
    function
        The function.

    Returns
    -------
    guard
        To be kept, and closed with ``aclose`` when the function shall be called earlier.
    """
    guard = _call_when_closed(function)
    await guard.__anext__()
    return guard


async def _call_when_closed(function: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
    # Asynchronous generators are all that a loop closes after it has cancelled the tasks.
    try:
        yield
    finally:
        await function()


async def cancel_tasks(tasks: Iterable[asyncio.Task[Any]], grace: float = GRACE) -> int:
    """Cancel tasks, other than the one that asks for it, and wait until they have ended.

    Parameters
    ----------
    tasks
        The tasks.
    grace
        After how many seconds to give up.

    Returns
    -------
    uncancelled
        How many run on although they were cancelled.
    """
    others = [task for task in tasks if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    if not others:
        return 0
    _, uncancelled = await asyncio.wait(others, timeout=grace)
    return len(uncancelled)
