"""Waiting for a value of a keyword."""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from typing import TYPE_CHECKING, Any

from clu.exceptions import CluError, CluTypeError, CluValueError, KeywordTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._watch.update import Update
    from clu._watch.watchers import Watchers

__all__ = ["wait_for"]


class _Waiter:
    """Looks at each update until one is as it should be."""

    needs_number = False

    def __init__(self, name: str, predicate: Callable[[Any], Any] | None) -> None:
        self.name = name
        self._predicate = predicate
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.count = 0
        self.found: Update | None = None
        self.error: BaseException | None = None

    def take(self, update: Update) -> None:
        if self.ended.done():
            return
        self.count += 1
        try:
            is_met = self._predicate is None or self._judge(self._predicate(update.value))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # whoever waits gets it
            self.error = error
            self.ended.set_result(None)
        else:
            if is_met:
                self.found = update
                self.ended.set_result(None)

    def _judge(self, verdict: Any) -> bool:
        if inspect.isawaitable(verdict):
            if inspect.iscoroutine(verdict):
                verdict.close()
            raise CluTypeError(
                f"The predicate for {self.name} must be a function, not a coroutine."
            )
        return bool(verdict)

    def end(self, error: Exception | None = None) -> None:
        if not self.ended.done():
            self.error = error or CluError(f"The client was stopped, which waited for {self.name}.")
            self.ended.set_result(None)


async def wait_for(
    watchers: Watchers,
    name: str,
    predicate: Callable[[Any], Any] | None,
    timeout: float | None,
) -> Update:
    """Return the first update whose value is as it should be: see `BaseClient.wait_for`."""
    if predicate is not None and not callable(predicate):
        raise CluTypeError(f"The predicate for {name} must be a function, not {predicate!r}.")
    if timeout is not None:
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
            raise CluTypeError(f"timeout must be a number of seconds, not {timeout!r}.")
        if math.isnan(timeout) or timeout < 0:
            raise CluValueError(f"timeout must not be negative, but is {timeout!r}.")
    waiter = _Waiter(name, predicate)
    keyword = watchers.open(name)
    try:
        keyword.add(waiter)
        if not waiter.ended.done():
            limit = None if timeout is None or math.isinf(timeout) else timeout
            await asyncio.wait([waiter.ended], timeout=limit)
    finally:
        keyword.remove(waiter)
    if waiter.found is not None:
        return waiter.found
    if waiter.error is not None:
        raise waiter.error
    latest = keyword.latest
    if latest is None:
        raise KeywordTimeout(name, timeout or 0.0, reason=keyword.reason)
    age = max(time.time() - latest.when, 0.0)
    raise KeywordTimeout(name, timeout or 0.0, latest.value, age, waiter.count)
