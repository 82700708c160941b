"""A command that runs while its replies are looked at."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Any

from clu._core.reply import KEPT_REPLIES
from clu.exceptions import CommandFailed, CommandTimeout

if TYPE_CHECKING:
    from typing_extensions import Self

    from clu._core.reply import Reply
    from clu._core.result import CommandResult
    from clu._remote.calling import Caller
    from clu.command import BaseCommand, Command

__all__ = ["Running"]


class Running:
    """A command that an actor runs. Iterating over it gives its replies as they come.

    It is sent at the start of the ``async with`` block, and no longer waited for at the end of it.
    Replies without keywords, which only tell the status, are left out. Of those that nobody has
    taken yet the latest 10,000 are kept.

    Attributes
    ----------
    actor
        The name of the actor.
    text
        The command, as it is sent.
    missed
        How many replies were not kept, as they were not taken in time.
    """

    def __init__(
        self,
        caller: Caller,
        text: str,
        timeout: float | None,
        command: BaseCommand[Any, Any] | None,
    ) -> None:
        self.actor = caller.actor
        self.text = text
        self.missed = 0
        self._caller = caller
        self._timeout = timeout
        self._parent = command
        self._command: Command[Any] | None = None
        self._replies: collections.deque[Reply] = collections.deque()
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        state = "not started" if self._command is None else "ended" if self.done else "running"
        return f"<{type(self).__name__} ({self.actor} {self.text}: {state})>"

    async def __aenter__(self) -> Self:
        self._command = await self._caller.begin(self.text, self._timeout, self._take, self._parent)
        self._command.add_done_callback(self._wake)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Reply:
        while not self._replies:
            if self._started.done():
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._replies.popleft()

    @property
    def done(self) -> bool:
        """Whether the command has ended."""
        return self._command is not None and self._command.done()

    @property
    def _started(self) -> Command[Any]:
        if self._command is None:
            raise RuntimeError("The command is sent by `async with`.")
        return self._command

    async def result(self, timeout: float | None = None) -> CommandResult:
        """Wait until the command has ended.

        Parameters
        ----------
        timeout
            How many seconds to wait. The command runs on after them.

        Returns
        -------
        result
            Its replies.

        Raises
        ------
        CommandTimeout
            If it has not ended in time.
        InvalidCommand
            If the actor does not know it, or cannot parse it.
        CommandFailed
            If it failed or was cancelled.
        """
        command = self._started
        await asyncio.wait([command], timeout=timeout)
        if not command.done():
            reason = f"not ended within {timeout:g} s."
            raise CommandTimeout(self.actor, self.text, reason, command.replies)
        if command.cancelled():
            reason = "cancelled by this program."
            raise CommandFailed(self.actor, self.text, reason, command.replies)
        return self._caller.result(self.text, command)

    def cancel(self) -> None:
        """Wait for the command no longer.

        The actor goes on with it. A command that can be stopped has a way of its own, such as the
        option ``--stop`` of cancellable commands.
        """
        if self._command is not None:
            self._command.cancel()

    def _take(self, reply: Reply) -> None:
        if not reply.body:
            return
        if len(self._replies) >= KEPT_REPLIES:
            self._replies.popleft()
            self.missed += 1
        self._replies.append(reply)
        self._changed.set()

    def _wake(self, _: object) -> None:
        self._changed.set()


Running.__module__ = "clu.remote"  # where users find it
