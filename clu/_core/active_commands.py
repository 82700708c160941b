"""The commands that an actor is running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clu._core.loop import cancel_tasks
from clu._core.status import CommandStatus

if TYPE_CHECKING:
    from clu._core.protocols import ActorLike, CommandLike


class ActiveCommands(set["CommandLike"]):
    """The commands that an actor is running. Each is removed when it ends."""

    def track(self, command: CommandLike) -> None:
        """Add a command until it ends."""
        self.add(command)
        command.add_done_callback(self.discard)

    async def cancel(self, actor: ActorLike) -> None:
        """Cancel all commands because the actor is stopping.

        Parameters
        ----------
        actor
            The actor; its log reports callbacks that are still running.
        """
        tasks = [command._task for command in self if command._task is not None]
        if uncancelled := await cancel_tasks(tasks):
            actor.log.warning(
                "%s: %d callbacks are still running after being cancelled.", actor.name, uncancelled
            )
        for command in list(self):
            if not command.status.is_done:
                command.set_status(CommandStatus.CANCELLED, error="The actor is stopping.")
