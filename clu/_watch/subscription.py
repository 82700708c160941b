"""A subscription to a keyword: the latest update that its user has not taken yet."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from typing import TYPE_CHECKING, Any

from clu._watch.sampler import Sampler

if TYPE_CHECKING:
    from typing_extensions import Self

    from clu._watch.keyword import WatchedKeyword
    from clu._watch.sampling import Sampling
    from clu._watch.update import Update

__all__ = ["Subscription"]


class _Slot:
    """Keeps one update until it is taken: a later one replaces it.

    Who iterates over a subscription may just stop doing so. So nothing that is registered anywhere
    refers to the subscription itself, and this ends with it.
    """

    def __init__(self, sampling: Sampling, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.needs_number = sampling.delta is not None
        self.sampler = Sampler(sampling.machine(), self._put, loop)
        self.take = self.sampler.take
        self.update: Update | None = None
        self.missed = 0
        self.is_ended = False
        self.error: Exception | None = None
        self.waiting: list[asyncio.Future[None]] = []

    def _put(self, update: Update) -> None:
        if self.is_ended:
            return
        if self.update is not None:
            self.missed += 1
        self.update = update
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        self.sampler.close()
        if not self.is_ended:
            self.is_ended, self.error = True, error
            self._wake()

    def _wake(self) -> None:
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def get(self) -> Update:
        while self.update is None:
            if self.is_ended:
                error, self.error = self.error, None
                raise StopAsyncIteration if error is None else error
            future = self.loop.create_future()
            self.waiting.append(future)
            try:
                await future
            finally:
                if future in self.waiting:
                    self.waiting.remove(future)
        update, self.update = self.update, None
        return update


class Subscription:
    """The updates of a keyword, as `clu.base.BaseClient.watch` returns them.

    It is an asynchronous iterator, and an asynchronous context manager that ends it. It also ends
    when nobody refers to it any more, as after a loop ``async for update in client.watch(...)``.

    Only the latest update is kept for who iterates: one that is replaced before it was taken is
    counted in `missed`.

    Attributes
    ----------
    name
        ``ACTOR.KEYWORD``, as it was given.
    sampling
        The strategy and its parameters.
    """

    def __init__(
        self, name: str, sampling: Sampling, keyword: WatchedKeyword, loop: Any = None
    ) -> None:
        self.name = name
        self.sampling = sampling
        self._slot = slot = _Slot(sampling, loop or asyncio.get_running_loop())
        keyword.add(slot)
        self._close = weakref.finalize(self, _end_soon, keyword, slot)
        self._close.atexit = False
        self._keyword = keyword

    @property
    def missed(self) -> int:
        """How many updates were replaced by later ones before they were taken."""
        return self._slot.missed

    @property
    def is_closed(self) -> bool:
        """Whether there will be no further updates."""
        return self._slot.is_ended

    def close(self) -> None:
        """End the subscription. An iteration over it ends."""
        self._close.detach()
        self._slot.update = None
        self._keyword.remove(self._slot)
        self._slot.end()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Update:
        """Return the next update.

        Raises
        ------
        CluValueError
            If the actor has no such keyword, or it is not one that the strategy is for.
        """
        return await self._slot.get()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "open"
        return f"<{type(self).__name__} ({self.name}, {self.sampling!r}, {state})>"


def _end_soon(keyword: WatchedKeyword, slot: _Slot) -> None:
    """End the slot of a subscription that is gone: garbage is collected in any thread."""

    def end() -> None:
        keyword.remove(slot)
        slot.end()

    with contextlib.suppress(RuntimeError):  # the event loop is closed
        slot.loop.call_soon_threadsafe(end)


Subscription.__module__ = "clu.watch"  # where users find it
