"""A request to a device: the lines that answer it, until the last one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Union

from clu.exceptions import CluTypeError, CluValueError

__all__ = ["Request", "Until"]

#: What tells the last line: how many there are, that line, a pattern, or a function of a line.
Until = Union[int, str, "re.Pattern[str]", Callable[[str], Any]]


class Request:
    """The lines that answer a request.

    Parameters
    ----------
    until
        The number of lines, the last line, a pattern that is found in it, or a function that is
        true for it.

    Attributes
    ----------
    lines
        The lines so far.
    answered
        A future of the lines.
    """

    def __init__(self, until: Until) -> None:
        self.lines: list[str] = []
        self.answered: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._is_last = self._condition(until)

    def _condition(self, until: Until) -> Callable[[str], Any]:
        if isinstance(until, bool) or until is None:
            raise CluTypeError(f"until cannot be {until!r}.")
        if isinstance(until, int):
            if until < 1:
                raise CluValueError(f"A request waits for at least one line, not {until}.")
            return lambda _: len(self.lines) >= until
        if isinstance(until, str):
            return until.__eq__
        return until.search if isinstance(until, re.Pattern) else until

    def take(self, line: str) -> None:
        """Take a line of the answer."""
        if self.answered.done():
            return
        self.lines.append(line)
        try:
            is_last = self._is_last(line)
        except Exception as error:
            self.answered.set_exception(error)
            return
        if is_last:
            self.answered.set_result(self.lines)

    def fail(self, error: Exception) -> None:
        """End the request without an answer."""
        if not self.answered.done():
            self.answered.set_exception(error)
