"""The commands that an actor runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clu._core.loop import cancel_tasks
from clu._core.status import CommandStatus

if TYPE_CHECKING:
    from clu._core.protocols import ActorLike, CommandLike


class ActiveCommands(set["CommandLike"]):
    """The commands that an actor runs, each until it has ended."""

    def track(self, command: CommandLike) -> None:
        """Add a command, until it has ended."""
        self.add(command)
        command.add_done_callback(self.discard)

    async def cancel(self, actor: ActorLike) -> None:
        """Cancel all commands, because their actor stops.

        Parameters
        ----------
        actor
            The actor, whose log tells of callbacks that go on.
        """
        tasks = [command._task for command in self if command._task is not None]
        if uncancelled := await cancel_tasks(tasks):
            actor.log.warning(
                "%s: %d callbacks go on though they were cancelled.", actor.name, uncancelled
            )
        for command in list(self):
            if not command.status.is_done:
                command.set_status(CommandStatus.CANCELLED, error="The actor is stopping.")
