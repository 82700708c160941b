"""Connections to actors, as used by the shell, ``clu send`` and ``clu watch``."""

from __future__ import annotations

import abc
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CannotConnect", "Connection", "Outcome", "Received", "Result"]

#: The timeout for connecting, in seconds.
CONNECTION_TIMEOUT = 10.0
#: The code of a reply with which a command has failed, although its last reply comes later.
CRITICAL = "!"


class Received(NamedTuple):
    """A reply, independent of the transport.

    Attributes
    ----------
    actor
        The name of the actor that replies.
    code
        The message code.
    keywords
        The keywords and their values.
    internal
        Whether the reply is internal.
    broadcast
        Whether the reply is a broadcast.
    own
        Whether the reply answers a command of this program.
    size
        The number of bytes of the message, without its headers over AMQP.
    """

    actor: str
    code: str
    keywords: dict[str, Any]
    internal: bool = False
    broadcast: bool = False
    own: bool = False
    size: int = 0


class Outcome(enum.IntEnum):
    """The outcome of a command, as the exit status of the program that runs it."""

    DONE = 0
    FAILED = 1
    UNREACHABLE = 3
    TIMED_OUT = 4


@dataclass
class Result:
    """The result of a command.

    Attributes
    ----------
    outcome
        The outcome of the command.
    reason
        The reason for the outcome, unless the actor itself has reported it.
    replies
        The replies of the actor.
    """

    outcome: Outcome
    reason: str = ""
    replies: list[Received] = field(default_factory=list)

    def keyword(self, name: str) -> Any:
        """Return the last value of a keyword, or None."""
        values = [reply.keywords[name] for reply in self.replies if name in reply.keywords]
        return values[-1] if values else None


class CannotConnect(click.ClickException):
    """A broker or an actor that cannot be reached."""

    exit_code = int(Outcome.UNREACHABLE)


def not_ended(actor: str, text: str, timeout: float | None) -> str:
    """Return why a command has timed out."""
    return f"{actor} did not end {text!r} within {timeout:g} s."


def failed_before(actor: str, text: str) -> str:
    """Return why a command that its actor calls done has failed."""
    return f"{actor} ended {text!r} as done, but after a critical reply (!): it has failed."


def ignore(_: Any) -> None:
    """Do nothing."""


class Connection(abc.ABC):
    """A connection to an actor, or to a broker with many.

    Attributes
    ----------
    on_reply
        A function that is called with each reply, except those to quiet commands.
    on_notice
        A function that is called with a line about the state of the connection.
    on_connected
        A function that is called with the connection when it has been restored.
    on_refused
        A function that is called with the reason when the actor does not admit this program. The
        connection is not restored then.
    """

    def __init__(self) -> None:
        self.on_reply: Callable[[Received], None] = ignore
        self.on_notice: Callable[[str], None] = ignore
        self.on_connected: Callable[[Connection], None] = ignore
        self.on_refused: Callable[[str], None] = ignore

    @property
    @abc.abstractmethod
    def address(self) -> str:
        """The address, without a password."""

    @abc.abstractmethod
    async def open(self) -> None:
        """Connect.

        Raises
        ------
        CannotConnect
            If the connection cannot be opened.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Close the connection."""

    async def listen(self) -> bool:
        """Also receive the replies to the commands of others.

        Returns
        -------
        listens
            Whether they are received from now on. Over a broker they always are.
        """
        return True

    @abc.abstractmethod
    async def run(
        self, actor: str, text: str, *, quiet: bool = False, timeout: float | None = None
    ) -> Result:
        """Run a command.

        Parameters
        ----------
        actor
            The name of the actor.
        text
            The command.
        quiet
            Whether it is a request of the program itself, whose replies are not shown.
        timeout
            The timeout in seconds.

        Returns
        -------
        result
            The result; errors of the connection are reported here and not raised.
        """
