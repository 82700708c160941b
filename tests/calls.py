"""Counts calls: the cost of work, without a clock."""

from __future__ import annotations

import sys
from typing import Any


class Calls:
    """Counts the calls of functions in this thread, those of builtins included, while it is open.

    Compiled code that calls compiled code does not count.
    """

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Calls:
        sys.setprofile(self._take)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _take(self, frame: Any, event: str, argument: Any) -> None:
        if event in {"call", "c_call"}:
            self.count += 1
