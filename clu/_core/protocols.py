"""Clients, actors and commands as the lower layers, which must not import them, see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    import logging
    from collections.abc import Callable

    import click

    from clu._core.status import CommandStatus


class CommandLike(Protocol):
    """A command, as used by its replies and by the actor that writes them."""

    commander_id: Any
    command_id: Any
    transport: Any
    replies: Any

    @property
    def status(self) -> CommandStatus:
        """The status of the command."""

    def done(self) -> bool:
        """Whether the command has ended."""

    @property
    def set_status(self) -> Callable[..., Any]:
        """The method that sets the status and reports it to the users."""

    @property
    def add_done_callback(self) -> Callable[..., Any]:
        """The method that adds a function to call when the command has ended."""

    _task: asyncio.Task[Any] | None


class LazyContextLike(Protocol):
    """What stands for the context of a command until somebody looks at it."""

    #: The command of click.
    command: Any

    def make(self) -> click.Context:
        """Return the context."""


class ActorLike(Protocol):
    """An actor, as used by stores and timed commands."""

    @property
    def name(self) -> str:
        """The name of the actor."""

    @property
    def log(self) -> logging.Logger:
        """The log of the actor."""


class CommandSender(Protocol):
    """A client, as used by a set of models."""

    @property
    def send_command(self) -> Callable[..., Any]:
        """The method that sends a command to an actor."""
