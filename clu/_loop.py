"""The event loop to use, inside and outside of one."""

from __future__ import annotations

import asyncio
import warnings


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
