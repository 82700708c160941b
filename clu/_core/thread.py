"""An event loop in a thread of its own, for code that blocks."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from clu._core.run import run
from clu.exceptions import CluRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["LoopThread"]

T = TypeVar("T")


class LoopThread:
    """Runs coroutines in an event loop in another thread, while the caller waits.

    Parameters
    ----------
    name
        The name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._is_ready = threading.Event()
        self._last: asyncio.Task[Any] | None = None
        # The program need not end it: nothing is lost with it that `stop` would save.
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()
        self._is_ready.wait()

    def _main(self) -> None:
        run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._is_ready.set()
        await self._stopping.wait()

    @property
    def is_running(self) -> bool:
        """Whether the event loop runs. It does not in a process that was forked off."""
        return self._thread.is_alive() and self._loop is not None and not self._loop.is_closed()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine, and return its result. Ctrl-C cancels it.

        Raises
        ------
        CluRuntimeError
            If the event loop does not run any more, or if this is its own thread.
        """
        problem = ""
        if threading.current_thread() is self._thread:
            problem = "A callback of a blocking client cannot wait for the client itself."
        elif not self.is_running:
            problem = "The client is closed."
        if problem:
            coroutine.close()
            raise CluRuntimeError(problem)
        assert self._loop is not None
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise CluRuntimeError("The client was closed.") from None
        finally:
            future.cancel()

    def call(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a function in the event loop, soon; nothing happens if it has ended."""
        if self.is_running and self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(function, *args)
            except RuntimeError:  # it has just ended
                return

    def finish(self, last: Coroutine[Any, Any, Any]) -> None:
        """Run a last coroutine, and end the event loop and what else runs in it."""
        self.call(self._finish, last)
        # An object that is collected in the thread itself cannot wait for it.
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _finish(self, last: Coroutine[Any, Any, Any]) -> None:
        assert self._loop is not None
        assert self._stopping is not None
        stopping = self._stopping
        self._last = self._loop.create_task(last)
        self._last.add_done_callback(lambda _: stopping.set())
