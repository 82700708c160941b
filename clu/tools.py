"""Tools: statuses, callbacks, formatting, logging and small helpers."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from clu._core.callbacks import CallbackMixIn
from clu._core.case_insensitive_dict import CaseInsensitiveDict
from clu._core.logging import REPLY, WARNING_REGEX, ActorHandler, escape, log_reply
from clu._core.loop import get_event_loop
from clu._core.status import (
    COMMAND_STATUS_TO_CODE,
    CommandStatus,
    Maskbit,
    MaskbitType,
    StatusMixIn,
)
from clu._speedups.reply import format_value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

__all__ = [
    "COMMAND_STATUS_TO_CODE",
    "REPLY",
    "WARNING_REGEX",
    "ActorHandler",
    "CallbackMixIn",
    "CaseInsensitiveDict",
    "CommandStatus",
    "Maskbit",
    "MaskbitType",
    "StatusMixIn",
    "as_complete_failer",
    "cli_coro",
    "dict_depth",
    "escape",
    "format_value",
    "get_event_loop",
    "log_reply",
]

T = TypeVar("T")


def dict_depth(d: object) -> int:
    """Return the depth of nested dictionaries: 1 if flat, and 0 for anything else."""
    if not isinstance(d, dict):
        return 0
    return 1 + max((dict_depth(value) for value in d.values()), default=0)


async def as_complete_failer(
    aws: Awaitable[Any] | Iterable[Awaitable[Any]],
    on_fail_callback: Callable[..., Any] | None = None,
    **kwargs: Any,
) -> tuple[bool, str | None]:
    """Run awaitables concurrently, and cancel the rest as soon as one fails.

    Parameters
    ----------
    aws
        One or more awaitables. Each returns whether it succeeded, or a tuple of that and a
        message.
    on_fail_callback
        A function or coroutine function that is called, without arguments, when one fails.
    kwargs
        Arguments of `asyncio.as_completed`.

    Returns
    -------
    outcome
        ``(True, None)``, or False and the message or error of the awaitable that failed.
    """
    awaitables = [aws] if inspect.isawaitable(aws) else list(aws)
    tasks = [asyncio.ensure_future(item) for item in awaitables]
    for next_done in asyncio.as_completed(tasks, **kwargs):
        succeeded, message = await _outcome(next_done)
        if succeeded:
            continue
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if on_fail_callback is not None:
            result = on_fail_callback()
            if asyncio.iscoroutine(result):
                await result
        return False, message
    return True, None


async def _outcome(awaitable: Awaitable[Any]) -> tuple[bool, str | None]:
    try:
        result = await awaitable
    except Exception as error:
        return False, str(error)
    if isinstance(result, tuple):
        return bool(result[0]), result[1]
    return bool(result), None


def cli_coro(f: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
    """Decorate a coroutine function for use as a click command."""

    @functools.wraps(f)
    def wrapper(*args: Any, **kwargs: Any) -> T:
        return asyncio.run(f(*args, **kwargs))

    return wrapper
