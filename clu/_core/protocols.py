"""What the lower layers need of clients, actors and commands, which they must not import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    import logging
    from collections.abc import Callable

    from clu._core.status import CommandStatus


class CommandLike(Protocol):
    """What a reply, and the actor that writes it, need of the command that is answered."""

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
        """Sets the status, and tells the users."""

    @property
    def add_done_callback(self) -> Callable[..., Any]:
        """Adds a function that is called when the command has ended."""

    _task: asyncio.Task[Any] | None


class ActorLike(Protocol):
    """What stores and timed commands need of an actor."""

    @property
    def name(self) -> str:
        """The name of the actor."""

    @property
    def log(self) -> logging.Logger:
        """The log of the actor."""


class CommandSender(Protocol):
    """What a set of models needs of a client."""

    @property
    def send_command(self) -> Callable[..., Any]:
        """Sends a command to an actor."""
