"""Running a program on uvloop, if it is installed, or on asyncio."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from clu._core.loop import running_loop
from clu._core.top_level import is_debugging, show_briefly
from clu.exceptions import CluError, CluRuntimeError, CluValueError

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["default_loop", "run"]

T = TypeVar("T")


def run(
    main: Coroutine[Any, Any, T],
    *,
    loop: Literal["auto", "asyncio", "uvloop"] = "auto",
    debug: bool | None = None,
) -> T:
    """Run a coroutine on a new event loop, and return its result.

    It works like `asyncio.run`, but uses the event loop of uvloop if uvloop is installed. No event
    loop policy is set: other event loops of the program are not affected.

    An error of clu that ends the program, for example because there is no broker, is shown in one
    line instead of a traceback, and Ctrl-C ends it quietly. Both can be caught as always.

    Parameters
    ----------
    main
        The coroutine.
    loop
        ``"auto"``, or the event loop to use.
    debug
        Whether to run the event loop in debug mode; by default the environment decides. In debug
        mode, and with ``CLU_DEBUG=1`` in the environment, tracebacks are shown in full.

    Raises
    ------
    CluRuntimeError
        If an event loop runs in this thread already.
    CluValueError
        If the event loop is unknown or not installed.
    """
    if running_loop() is not None:
        main.close()
        raise CluRuntimeError(
            "clu.run() cannot be called while an event loop runs in this thread: await the "
            "coroutine instead."
        )
    try:
        return _run(main, loop, debug)
    except (CluError, KeyboardInterrupt) as error:
        if not debug and not is_debugging():
            show_briefly(error)
        raise


def _run(
    main: Coroutine[Any, Any, T],
    loop: Literal["auto", "asyncio", "uvloop"],
    debug: bool | None,
) -> T:
    if loop not in ("auto", "asyncio", "uvloop"):
        problem = f"There is no event loop {loop!r}: use auto, asyncio or uvloop."
    elif loop == "uvloop" and default_loop() != "uvloop":
        problem = "uvloop is not installed."
    elif loop == "asyncio" or default_loop() == "asyncio":
        return asyncio.run(_interruptible(main), debug=debug)
    else:
        import uvloop

        return uvloop.run(_interruptible(main), debug=debug)
    main.close()
    raise CluValueError(problem)


def default_loop() -> Literal["asyncio", "uvloop"]:
    """Return the name of the event loop that `run` uses."""
    return "asyncio" if importlib.util.find_spec("uvloop") is None else "uvloop"


def _interruptible(main: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """Let Ctrl-C cancel only the main task, as in Python 3.11 and later.

    Earlier versions cancel all tasks at once, including those of the connections: a program cannot
    shut down in an orderly way.
    """
    if (
        sys.version_info >= (3, 11)
        or sys.platform == "win32"
        or threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        return main
    return _run_interruptible(main)


async def _run_interruptible(main: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main)
    is_interrupted = False

    def interrupt() -> None:
        nonlocal is_interrupted
        if is_interrupted:
            raise KeyboardInterrupt
        is_interrupted = True
        task.cancel()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        if is_interrupted:
            raise KeyboardInterrupt from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGINT)
