"""Running calls side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from clu.exceptions import CommandsFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["gather"]

T = TypeVar("T")


async def gather(*calls: Awaitable[T]) -> list[T]:
    """Run calls side by side, and wait until all have ended.

    Parameters
    ----------
    calls
        The calls, or other awaitables.

    Returns
    -------
    results
        Their results, in order.

    Raises
    ------
    CommandsFailed
        If some have failed. It has the results of the others.
    """
    tasks: list[asyncio.Future[T]] = [asyncio.ensure_future(call) for call in calls]
    if not tasks:
        return []
    try:
        await asyncio.wait(tasks)
    finally:
        for task in tasks:  # that is, if this was cancelled
            task.cancel()
        if not all(task.done() for task in tasks):
            await asyncio.wait(tasks)
    errors = [asyncio.CancelledError() if task.cancelled() else task.exception() for task in tasks]
    results = [
        task.result() if error is None else None for task, error in zip(tasks, errors, strict=True)
    ]
    if any(error is not None for error in errors):
        raise CommandsFailed(results, errors)
    return results  # type: ignore[return-value]
