"""A session of the shell: the commands that are typed, and the replies that are shown."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clu.cli.common.command_models import CommandModels
from clu.cli.common.connection import Outcome, Result
from clu.cli.common.suggestions import Suggestion
from clu.cli.shell.prompt import Prompt

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from clu.cli.common.connection import Connection, Received
    from clu.cli.common.rendering import Renderer
    from clu.cli.shell.actors import Actors

__all__ = ["ShellSession", "Visibility"]

#: How long to wait for the names of TCP actors before an actor is unknown, in seconds.
_NAME_TIMEOUT = 2.0

_HELP = """\
ACTOR COMMAND   send a command to an actor, for example: {example} ping
ACTOR help      show the commands of an actor
Tab             complete an actor, a command, an option or a choice
Up, Ctrl-R      go through, or search, the history
help            show this help
quit, exit      leave the shell; or Ctrl-D, or Ctrl-C on an empty line"""

_WORDS = (
    Suggestion("exit", "Leave this shell."),
    Suggestion("help", "Show how to use this shell."),
    Suggestion("quit", "Leave this shell."),
)


@dataclass
class Visibility:
    """Which replies are shown.

    Attributes
    ----------
    others
        Whether replies to others are shown.
    broadcasts
        Whether broadcasts are shown.
    internal
        Whether internal replies are shown.
    actors
        The actors on the broker whose broadcasts are shown; if empty, all actors.
    """

    others: bool
    broadcasts: bool
    internal: bool
    actors: set[str]

    def shows(self, received: Received, direct: bool) -> bool:
        """Whether to show a reply, from a TCP actor or from the broker."""
        if received.internal and not self.internal:
            return False
        if received.own:
            return True
        if received.broadcast:
            wanted = direct or not self.actors or received.actor in self.actors
            return self.broadcasts and wanted
        return self.others


class ShellSession:
    """A session of the shell.

    Parameters
    ----------
    actors
        The actors and the connections to them.
    renderer
        The object that formats the replies.
    visibility
        Which replies are shown.
    """

    def __init__(self, actors: Actors, renderer: Renderer, visibility: Visibility) -> None:
        self.actors = actors
        self.renderer = renderer
        self.visibility = visibility
        self.models = CommandModels(self._ask)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        """Run the session until the user leaves the shell.

        Raises
        ------
        CannotConnect
            If the broker or a TCP actor cannot be reached.
        """
        from prompt_toolkit.patch_stdout import patch_stdout

        try:
            for connection in self.actors.connections:
                connection.on_reply = functools.partial(self._receive, connection)
                connection.on_notice = self._notice
                connection.on_refused = self._error
                connection.on_connected = self._connected
                await connection.open()
                self._listen(connection)
            with patch_stdout(raw=True):
                for name in self.actors.names:
                    self._start(self._introduce(name))
                await self._read()
        finally:
            await self.models.stop()
            for task in self._tasks:
                task.cancel()
            for connection in self.actors.connections:
                await connection.close()

    def _connected(self, connection: Connection) -> None:
        self.models.expire()
        self._listen(connection)

    def _listen(self, connection: Connection) -> None:
        """Ask a TCP actor for the replies to others, if they are shown."""
        if self.visibility.others:
            self._start(connection.listen())

    async def _read(self) -> None:
        prompt = Prompt(self.models, lambda: [*map(Suggestion, self.actors.names), *_WORDS])
        while (line := await prompt.read()) is not None:
            if line in ("quit", "exit"):
                return
            self._take(line)

    def _take(self, line: str) -> None:
        actor, *rest = line.split(maxsplit=1)
        if line in ("help", "?"):
            print(_HELP.format(example=[*self.actors.names, "camera"][0]))
        elif not rest:
            self._error(f"Add a command for {actor}: see {actor} help.")
        else:
            self._start(self._command(actor, rest[0]))

    async def _command(self, actor: str, text: str) -> None:
        result = await self._run(actor, text)
        if result.reason:
            self._error(result.reason)

    async def _ask(self, actor: str, text: str, timeout: float) -> Result:
        return await self._run(actor, text, quiet=True, timeout=timeout)

    async def _run(self, actor: str, text: str, **kwargs: Any) -> Result:
        if actor not in self.actors.names and not actor.startswith("tcp://"):
            await self._wait_for_names()
        connection = self.actors.find(actor)
        if connection is None:
            known = ", ".join(self.actors.names)
            reason = f"There is no actor {actor!r} here. Known: {known}."
            return Result(Outcome.UNREACHABLE, reason)
        return await connection.run(actor, text, **kwargs)

    async def _wait_for_names(self) -> None:
        """Wait until the names of TCP actors are known, which `_introduce` requests."""
        waiting = [
            request
            for connection in self.actors.direct
            if connection.name is None
            and (request := self.models.request(connection.address)) is not None
        ]
        if waiting:
            await asyncio.wait(waiting, timeout=_NAME_TIMEOUT)

    async def _introduce(self, name: str) -> None:
        """Request the commands of an actor, and its name if only its address is known."""
        request = self.models.request(name)
        if request is None:
            return
        result = await request
        connection = self.actors.find(name)
        if connection in self.actors.direct and result.replies:
            self._notice(f"{name} is {result.replies[-1].actor}.")
        elif result.reason:
            self._notice(result.reason)

    def _receive(self, connection: Connection, received: Received) -> None:
        direct = connection is not self.actors.broker
        if not direct:
            self.actors.add(received.actor)
        if self.visibility.shows(received, direct):
            print(self.renderer.reply(received))

    def _notice(self, text: str) -> None:
        print(self.renderer.notice(text))

    def _error(self, text: str) -> None:
        print(self.renderer.error(text))

    def _start(self, coroutine: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
