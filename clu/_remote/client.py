"""What clients have to command actors by way of objects.

All of them have it, and few use it: it imports what it needs when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from clu._core.result import CommandResult
    from clu._remote.actor import RemoteActor
    from clu._remote.commands import CommandSpec
    from clu.command import BaseCommand, Command

__all__ = ["CommandsActors"]


class CommandsActors:
    """What clients and actors that command others by way of objects have."""

    #: The characters that a command cannot have.
    _unsendable = ""
    #: The commands of actors, and the versions to which they belong.
    _known_commands: dict[str, tuple[Any, CommandSpec]] | None = None

    async def actor(
        self, name: str, *, timeout: float = 5.0, model: Mapping[str, Any] | None = None
    ) -> RemoteActor:
        """Return an actor as an object, whose commands are called like functions.

        The actor is asked for its commands, once for each version of it. It is waited for if it is
        not there yet.

        Parameters
        ----------
        name
            The name of the actor.
        timeout
            How many seconds to wait for the actor and its answers.
        model
            The commands of the actor, as its command ``get-command-model`` gives them. Then it is
            not asked. For one that does not know them, ``{}`` makes an object that only takes
            command strings.

        Raises
        ------
        ActorNotFound
            If the actor is not there, or does not answer. It says who is there.
        CommandFailed
            If the actor does not tell its commands.
        CluConnectionError
            If there is no connection.
        """
        from clu._remote.finding import find_actor

        return await find_actor(self, name, timeout, model)

    async def gather(self, *calls: Awaitable[Any]) -> list[Any]:
        """Run calls of commands side by side, and wait until all have ended.

        Parameters
        ----------
        calls
            The calls, or other awaitables.

        Returns
        -------
        results
            Their results, in order.

        Raises
        ------
        CommandsFailed
            If some have failed. It has the results of the others.
        """
        from clu._remote.gathering import gather

        return await gather(*calls)

    def _forget_commands(self, name: str) -> None:
        """Ask an actor for its commands again, when somebody needs them."""
        if self._known_commands is not None:
            self._known_commands.pop(name, None)

    def _begin_command(
        self,
        actor: str,
        text: str,
        parent: BaseCommand[Any, Any] | None,
        is_repeated: bool,
        reply_callback: Callable[[Any], Any] | None,
        time_limit: float | None,
        internal: bool = False,
    ) -> Coroutine[Any, Any, Command[Any]]:
        """Send a command, and return when it is on its way.

        Parameters
        ----------
        actor
            The name of the actor.
        text
            The command string.
        parent
            The command on whose behalf this one is sent.
        is_repeated
            Whether it was sent before: late replies to that are not for this one.
        reply_callback, time_limit, internal
            Arguments of ``send_command``.

        Raises
        ------
        CluConnectionError
            If there is no connection.
        """
        raise NotImplementedError

    def _called(self, actor: str) -> str:
        """Return how an actor that has answered calls itself."""
        return actor

    def _is_absent(self, result: CommandResult) -> bool:
        """Whether a command has failed since there is no such actor."""
        raise NotImplementedError

    async def _present_actors(self) -> list[str]:
        """Return the names of the actors that are there, as far as they can be known."""
        return []


CommandsActors.__module__ = "clu.remote"  # where users find it
