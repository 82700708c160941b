"""Actors and their commands as objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu._remote.names import did_you_mean
from clu._remote.running import Running
from clu.exceptions import InvalidArguments

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable

    from clu._core.reply import Reply
    from clu._core.result import CommandResult
    from clu._remote.calling import Retries
    from clu._remote.commands import CommandSpec
    from clu.command import BaseCommand

__all__ = ["CommandGroup", "RemoteActor", "RemoteCommand"]


class CommandGroup:
    """Something with commands as attributes and items.

    A name that is no identifier has ``_`` for what an identifier cannot have, and after it if it is
    a word of Python: ``get-status`` is ``actor.get_status``. All names do as items:
    ``actor["get-status"]``.

    Parameters
    ----------
    spec
        The commands.
    caller
        What sends them.
    """

    #: The class of the commands.
    _kind: type[CommandGroup]

    def __init__(self, spec: CommandSpec, caller: Any) -> None:
        self._spec = spec
        self._caller = caller
        self.__doc__ = spec.doc

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({self._title})>"

    def __getattr__(self, name: str) -> Any:
        # Not before there are any: copy and pickle look for attributes of empty objects.
        spec: CommandSpec | None = self.__dict__.get("_spec")
        if spec is None or (command := spec.names.get(name)) is None:
            raise AttributeError(
                f"{self._title} has no command {name!r}.{self._known(name)}"
                if spec is not None and not name.startswith("_")
                else f"{type(self).__name__!r} object has no attribute {name!r}"
            )
        found = self.__dict__[name] = self[command]
        return found

    def __getitem__(self, name: str) -> Any:
        if name not in self._spec.subcommands:
            raise KeyError(f"{self._title} has no command {name!r}.{self._known(name)}")
        return self._kind(self._spec.subcommands[name], self._caller)

    def __dir__(self) -> list[str]:
        commands = self._spec.subcommands
        own = [name for name in dir(type(self)) if name not in self._spec.names]
        shown = [name for name, item in self._spec.names.items() if not commands[item].hidden]
        return sorted([*own, *shown])

    def _ipython_key_completions_(self) -> list[str]:
        return [name for name, item in self._spec.subcommands.items() if not item.hidden]

    @property
    def _title(self) -> str:
        return f"{self._spec.actor} {self._spec.path}".rstrip()

    def _known(self, name: str) -> str:
        known = self._ipython_key_completions_()
        if hint := did_you_mean(name, known):
            return hint
        return f" It has: {', '.join(known)}." if known else ""


class RemoteCommand(CommandGroup):
    """A command of an actor, which is called like a function. A group has further commands."""

    @property
    def __name__(self) -> str:
        return self._spec.name

    @property
    def __signature__(self) -> inspect.Signature:
        return self._spec.signature

    async def __call__(
        self,
        /,
        *args: Any,
        timeout: float | None = None,
        retries: int | Retries = 0,
        on_reply: Callable[[Reply], Any] | None = None,
        command: BaseCommand[Any, Any] | None = None,
        **kwargs: Any,
    ) -> CommandResult:
        """Send the command, and wait until it has ended.

        Parameters
        ----------
        args, kwargs
            The arguments of the command, which are checked before it is sent. One with the name of
            a parameter below has ``_`` after it. None stands for one that is not given.
        timeout
            How many seconds the command may take. Each attempt has as many.
        retries
            How often a command that fails, or takes too long, is sent again: a number, or
            `Retries`.
        on_reply
            A function or coroutine function that is called with each reply.
        command
            The command of an actor on whose behalf this one is sent.

        Returns
        -------
        result
            The replies.

        Raises
        ------
        InvalidCommand
            If an argument is not valid, or the actor does not take the command. It is not sent
            again.
        CommandTimeout
            If it has not ended in time.
        CommandFailed
            If it failed, or there is no such actor.
        CluConnectionError
            If there is no connection.
        """
        caller = self._caller
        text = self._spec.command_string(args, kwargs, caller.forbidden)
        if retries == 0 and on_reply is None:  # the usual case, without a coroutine in between
            if timeout is None:
                sent = await caller.client._begin_command(
                    caller.actor, text, command, False, None, None
                )
            else:
                sent = await caller.send(text, timeout, None, command)
            await sent
            return caller.result(text, sent)  # type: ignore[no-any-return]
        return await caller.call(  # type: ignore[no-any-return]
            text, timeout, retries, on_reply, command
        )

    def started(
        self,
        /,
        *args: Any,
        timeout: float | None = None,
        command: BaseCommand[Any, Any] | None = None,
        **kwargs: Any,
    ) -> Running:
        """Return the command to be sent by ``async with``, and its replies to be looked at.

        Parameters
        ----------
        args, timeout, command, kwargs
            As for the call.

        Raises
        ------
        InvalidCommand
            If an argument is not valid.
        """
        text = _started_text(self._spec, args, kwargs, self._caller.forbidden)
        return Running(self._caller, text, timeout, command)


RemoteCommand._kind = RemoteCommand


class RemoteActor(CommandGroup):
    """An actor elsewhere, whose commands are attributes.

    Called with a command string, it sends that: ``await actor("move 3", timeout=5)``. The further
    arguments and errors are those of commands.
    """

    _kind = RemoteCommand

    async def __call__(
        self,
        text: str,
        /,
        *,
        timeout: float | None = None,
        retries: int | Retries = 0,
        on_reply: Callable[[Reply], Any] | None = None,
        command: BaseCommand[Any, Any] | None = None,
    ) -> CommandResult:
        """Send a command string, and wait until the command has ended.

        Parameters
        ----------
        text
            The command string, which is not checked.
        timeout, retries, on_reply, command
            As for `RemoteCommand`.
        """
        return await self._caller.call(  # type: ignore[no-any-return]
            text, timeout, retries, on_reply, command
        )


def _started_text(
    spec: CommandSpec, args: tuple[Any, ...], kwargs: dict[str, Any], forbidden: str
) -> str:
    for name in ("retries", "on_reply"):
        if name in kwargs:
            reason = f"{name} is for calls that are awaited, not for a command that is started."
            raise InvalidArguments(spec.actor, spec.path, reason, name)
    return spec.command_string(args, kwargs, forbidden)


for _class in (CommandGroup, RemoteActor, RemoteCommand):
    _class.__module__ = "clu.remote"  # where users find them
