"""A model that could not be loaded, and when to try again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The seconds before the first further attempt of those that replies lead to, and the most of them.
#: Each waits twice as long as the one before: an actor may have no schema.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


class MissingModel:
    """The model of an actor that was not there, or did not tell its schema.

    Parameters
    ----------
    actor
        The name of the actor.

    Attributes
    ----------
    is_loading
        Whether it is being loaded.
    reason
        Why the last attempt has failed.
    keywords
        The values that the actor has sent meanwhile.
    """

    def __init__(self, actor: str) -> None:
        self.actor = actor
        self.is_loading = False
        self.reason = ""
        self.keywords: dict[str, Any] = {}
        self._pause = _FIRST_PAUSE
        self._next_at = 0.0
        self._waiting: set[asyncio.Future[None]] = set()

    def is_due(self, is_announced: bool) -> bool:
        """Whether to try again, as the actor has announced itself or has replied."""
        return not self.is_loading and (is_announced or time.monotonic() >= self._next_at)

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """Try to load it, and keep the reason if that fails."""
        self.is_loading = True
        try:
            yield
        except Exception as error:  # whatever it is, the next attempt may succeed
            self.reason = str(error) or type(error).__name__
        finally:
            self.is_loading = False
            self._next_at = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def found(self) -> None:
        """Wake those who wait for it."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Wait until it is there, at most for some seconds."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            self._waiting.discard(future)
