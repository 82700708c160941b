"""Says what the tasks wait for when a test, or its end, hangs: a trace of the thread does not."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
from typing import TYPE_CHECKING, Any

from _pytest.faulthandler import fault_handler_stderr_fd_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


@contextlib.contextmanager
def tasks_shown_after(seconds: float, what: str, config: pytest.Config) -> Iterator[None]:
    """Print the stacks of all tasks if the block takes longer.

    Parameters
    ----------
    seconds
        How long it may take.
    what
        What is printed before them.
    config
        pytest's, which knows where its own traces of a hanging test go: past what it captures, as a
        worker of pytest-xdist that is killed loses that.
    """
    title = f"{what} takes longer than {seconds:g} s. The tasks:"
    timer = threading.Timer(
        seconds, _show_tasks, [title, config.stash[fault_handler_stderr_fd_key]]
    )
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _show_tasks(title: str, file: int) -> None:
    with os.fdopen(os.dup(file), "w") as stream:
        print(title, file=stream)
        for item in gc.get_objects():
            if isinstance(item, asyncio.Task) and not item.done():
                print(item.get_name(), *_places(item.get_coro()), sep="\n  ", file=stream)


def _places(awaited: Any) -> Iterator[str]:
    """Where a coroutine is, and what it awaits, and so on; a task's own stack ends at the first."""
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            yield f"{frame.f_code.co_name} ({frame.f_code.co_filename}:{frame.f_lineno})"
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
