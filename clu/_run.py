"""Running a program on uvloop where it is installed, else on asyncio."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from clu.exceptions import CluValueError

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

    It does what `asyncio.run` does, with the event loop of uvloop where that is installed. No
    policy is set: other event loops of the program stay what they are.

    Parameters
    ----------
    main
        The coroutine.
    loop
        ``"auto"``, or the event loop to use.
    debug
        Whether the event loop runs in debug mode; by default as the environment says.

    Raises
    ------
    CluValueError
        If there is no such event loop, or it is not installed.
    """
    if loop not in ("auto", "asyncio", "uvloop"):
        problem = f"There is no event loop {loop!r}: use auto, asyncio or uvloop."
    elif loop == "uvloop" and default_loop() != "uvloop":
        problem = "uvloop is not installed."
    elif loop == "asyncio" or default_loop() == "asyncio":
        return asyncio.run(main, debug=debug)
    else:
        import uvloop

        return uvloop.run(main, debug=debug)
    main.close()
    raise CluValueError(problem)


def default_loop() -> Literal["asyncio", "uvloop"]:
    """Return the name of the event loop that `run` uses."""
    return "asyncio" if importlib.util.find_spec("uvloop") is None else "uvloop"
