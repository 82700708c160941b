"""Commands whose actor was killed and does not come back end with a reason.

While commands to actors of this package run without replies, the client looks now and then whether
these are on the broker. An actor that is slow is there. One that has lost its connection is back
after a second or two, and one that was started again announces that it does not run the command. So
a command fails only if its actor was found absent again and again for some seconds.

It costs nothing while no such command runs, and there is one timer for all of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clu._amqp.publishing import PublishingMixIn

#: The seconds between two rounds. A command without a new reply since the last one is silent.
_PERIOD = 2.5


class AbsenceWatch:
    """Looks for the actors of commands that are silent.

    Parameters
    ----------
    client
        The client that has sent the commands.
    limit
        For how many seconds an actor may be absent.
    """

    def __init__(self, client: PublishingMixIn, limit: float) -> None:
        self._client = client
        self._limit = limit
        self._timer: asyncio.TimerHandle | None = None
        #: How many replies the commands had in the last round.
        self._counts: dict[str, int] = {}
        self._searches: dict[str, _Search] = {}
        client.running_commands.on_begun = self.start

    def start(self) -> None:
        """Begin with the rounds, unless they have begun."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PERIOD, self._go_round)

    def stop(self) -> None:
        """End the rounds."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self._counts = {}
        self._searches = {}

    def _go_round(self) -> None:
        self._timer = None
        running, before = self._client.running_commands, self._counts
        watched = {
            command_id: command
            for command_id, command in running.items()
            if command.consumer_id in running.ours and not command.done()
        }
        if not watched:
            self.stop()
            return
        self._counts = {key: len(command.replies) for key, command in watched.items()}
        silent: dict[str, list[str]] = {}
        for command_id, command in watched.items():
            is_silent = before.get(command_id) == self._counts[command_id]
            # One that is suspected has a limit of its own, as the connection was lost or so.
            if is_silent and not running.is_suspected(command_id):
                silent.setdefault(str(command.consumer_id), []).append(command_id)
        searches, self._searches = self._searches, {}
        for name, command_ids in silent.items():
            search = self._searches[name] = searches.get(name) or _Search()
            if not search.is_looking:
                search.is_looking = True
                self._client._create_task(self._look(name, search, command_ids))
        self.start()

    async def _look(self, name: str, search: _Search, command_ids: list[str]) -> None:
        from clu._amqp.absence import Finding, look_for_actor

        running = self._client.running_commands
        counts = {key: len(running[key].replies) for key in command_ids if key in running}
        finding = await look_for_actor(self._client, name, needs_answer=False)
        search.is_looking = False
        if finding is not Finding.ABSENT:
            search.absent_since = None
            return
        now = asyncio.get_running_loop().time()
        if search.absent_since is None:
            search.absent_since = now
        if now - search.absent_since < self._limit or self._searches.get(name) is not search:
            return
        for command_id, count in counts.items():
            command = running.get(command_id)
            if command is not None and len(command.replies) == count:
                running.fail(command, absence_reason(name))


class _Search:
    """What is known of an actor that has silent commands."""

    def __init__(self) -> None:
        self.is_looking = False
        self.absent_since: float | None = None


def absence_reason(name: str) -> str:
    """Return why commands of an actor have failed that is not there any more."""
    return f"The actor {name!r} is not on the broker any more, and does not run the command."
