"""Commands that an actor runs on itself periodically."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any, ClassVar

from clu.exceptions import CluRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._core.protocols import ActorLike

#: The shortest pause of the poller between two rounds, in seconds.
_SHORTEST_PAUSE = 0.001


class TimedCommand:
    """A command that runs periodically.

    Parameters
    ----------
    command_string
        The command.
    delay
        The interval between runs, in seconds.
    first_silent
        Whether the first run only updates the model, without sending replies.
    """

    #: Creates the command to run. It is set by the module of commands, which imports this one.
    factory: ClassVar[Callable[..., Any]]

    def __init__(self, command_string: str, delay: float = 1, first_silent: bool = False) -> None:
        self.command_string = command_string
        self.delay = delay
        self.last_run = 0.0  # monotonic time, which ignores changes of the system clock
        self.is_running = False
        self.first_silent = first_silent

    async def run(self, actor: ActorLike) -> None:
        """Start the command on an actor. It continues in the background."""
        silent, self.first_silent = self.first_silent, False
        command = type(self).factory(
            self.command_string,
            actor=actor,
            commander_id=f".{actor.name}",
            silent=silent,
            internal=False,
        )
        self.is_running = True
        command.add_done_callback(self.done)
        try:
            command.parse()
        except Exception:
            self.is_running = False
            raise

    def done(self, task: Any) -> None:
        """Record the end of a run."""
        self.is_running = False


class TimedCommandList(list[TimedCommand]):
    """The timed commands of an actor.

    Parameters
    ----------
    actor
        The actor that runs them.
    resolution
        How often to check for commands that were added or have ended, in seconds.
    loop
        Ignored; kept for backward compatibility.
    """

    def __init__(
        self,
        actor: ActorLike,
        resolution: float = 0.5,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__()
        self.resolution = resolution
        self.actor = actor
        self._task: asyncio.Task[Any] | None = None

    def add_command(self, command_string: str, **kwargs: Any) -> None:
        """Add a command, with the arguments of `TimedCommand`."""
        self.append(TimedCommand(command_string, **kwargs))

    async def poller(self) -> None:
        """Run commands that are due and not running, until cancelled.

        A command that is late because the event loop was busy keeps its original schedule.
        """
        while True:
            now = time.monotonic()
            for command in list(self):
                late = now - (command.last_run + command.delay)
                if command.is_running or late < 0:
                    continue
                await self._run(command)
                command.last_run = now
                if command.delay > 0 and late < math.inf:
                    command.last_run -= late % command.delay
            await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        """Return the seconds until the next command is due, but no more than the resolution."""
        dues = [command.last_run + command.delay for command in self if not command.is_running]
        wait = min(dues, default=math.inf) - time.monotonic()
        return max(min(wait, self.resolution), _SHORTEST_PAUSE)

    async def _run(self, command: TimedCommand) -> None:
        try:
            await command.run(self.actor)
        except Exception:
            self.actor.log.exception("The timed command %r failed.", command.command_string)

    def start(self) -> TimedCommandList:
        """Start running the commands. The first run of each is immediate.

        Raises
        ------
        CluError
            If they are already running.
        """
        if self.running:
            raise CluRuntimeError("poller is already running.")
        for command in self:
            command.last_run = float("-inf")
        self._task = asyncio.get_running_loop().create_task(self.poller())
        return self

    async def stop(self) -> None:
        """Stop running the commands. Commands in progress are not cancelled."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def running(self) -> bool:
        """Whether the commands are being run."""
        return self._task is not None and not self._task.done()
