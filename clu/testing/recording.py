"""A broker in memory that records what goes over it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from clu._amqp.memory.vhost import VirtualHost
from clu.exceptions import CluTypeError, CluValueError
from clu.testing.bus import MemoryBroker
from clu.testing.expectation import Expectation
from clu.testing.recorder import Recorder, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clu._amqp.memory.broker import Connected
    from clu._amqp.memory.message import MemoryMessage
    from clu._amqp.memory.queues import Queue
    from clu.testing.log import LogEntry

__all__ = ["Bus"]


class _RecordedHost(VirtualHost):
    """Exchanges and queues that record what is published."""

    def __init__(self, log: Recorder) -> None:
        super().__init__()
        self._log = log

    def route(self, message: MemoryMessage) -> tuple[Queue, ...]:
        queues = super().route(message)
        self._log.record_message(message, is_lost=not queues)
        return queues


class Bus(MemoryBroker):
    """A `MemoryBroker` that records what goes over it, for tests. The fixture ``clu_bus`` is one.

    Parameters
    ----------
    args, kwargs
        Arguments of `MemoryBroker`.

    Attributes
    ----------
    log
        The `BusLog`: commands, replies and tasks, with who has sent them.
    on_connecting
        A function that is called when somebody connects, in the event loop of the connection; None
        by default.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.log = Recorder(self.now)
        self.host = _RecordedHost(self.log)
        #: The number of the first entry that an expectation looks at.
        self._looked_at: dict[Any, int] = {}
        self.on_connecting: Callable[[], None] | None = None

    def add(self, session: Connected) -> None:
        super().add(session)
        if self.on_connecting is not None:
            self.on_connecting()

    async def expect(
        self,
        actor: str,
        keywords: Mapping[str, Any] | None = None,
        /,
        *,
        within: float = 5.0,
        message_code: str | None = None,
        **more: Any,
    ) -> LogEntry:
        """Wait for a reply of an actor, which may have come already.

        An expectation looks at what came after the reply that has satisfied the last one for the
        same actor, keywords and code. So ``state="exposing"`` and then ``state="idle"`` must come
        in this order, and the same expectation twice needs two replies.

        Parameters
        ----------
        actor
            The name of the actor.
        keywords, more
            The keywords that the reply has, and maybe others, with what their values are: a value,
            also one of ``pytest.approx``, its type, a function that is true for the value, a
            compiled pattern that is found in it, or ``...`` for any value.
        within
            For how many seconds to wait.
        message_code
            The code of the reply; any by default.

        Returns
        -------
        entry
            The entry of the log.

        Raises
        ------
        AssertionError
            If it does not come. It tells what did come.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        if not isinstance(actor, str):
            raise CluTypeError(f"The name of an actor is a string, not {actor!r}.")
        if not within >= 0:
            raise CluValueError(f"A reply cannot come within {within!r} seconds.")
        expectation = Expectation(actor, {**(keywords or {}), **more}, message_code)
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(changed.set)  # who publishes may be in another thread

        forget = self.log.listen(tell)
        start = seen = self._looked_at.get(expectation.key, 0)
        end = loop.time() + within
        try:
            while True:
                changed.clear()
                for number, entry in self.log.after(seen):
                    if expectation.matches(entry):
                        self._looked_at[expectation.key] = number + 1
                        return entry
                    seen = number + 1
                if loop.time() >= end:
                    raise AssertionError(expectation.failure(self.log, start, within))
                with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
                    await asyncio.wait_for(changed.wait(), end - loop.time())
        finally:
            forget()

    def snapshot(self, what: Any) -> list[tuple[str, dict[str, Any]]]:
        """Return replies as plain data, without ids and times, to be compared with ``==``.

        Parameters
        ----------
        what
            A command, for the replies to it, or the name of an actor, for all of its replies.

        Returns
        -------
        replies
            The code of each reply, and its keywords.
        """
        if isinstance(what, str):
            replies = self.log.replies(what)
        elif getattr(what, "actor", None) is not None:  # its ids may be those of others, too
            return [(str(each.message_code.value), plain(each.message)) for each in what.replies]
        elif hasattr(what, "command_id"):
            ids = str(what.commander_id), str(what.command_id)
            replies = [
                entry
                for entry in self.log.replies()
                if (entry.commander_id, entry.command_id) == ids
            ]
        else:
            raise CluTypeError(f"A snapshot is of a command or of an actor's name, not {what!r}.")
        return [(entry.message_code, entry.keywords) for entry in replies]
