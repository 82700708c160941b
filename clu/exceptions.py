"""The exceptions and warnings of clu.

``CluError`` is the base class of all exceptions that clu raises. Most of them also derive from the
corresponding builtin exception, and can be caught as either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "CluBaseWarning",
    "CluConnectionError",
    "CluDeprecationWarning",
    "CluError",
    "CluNotImplemented",
    "CluRuntimeError",
    "CluTimeoutError",
    "CluTypeError",
    "CluValueError",
    "CluWarning",
    "CommandError",
    "CommandFailed",
    "CommandParserError",
    "CommandTimeout",
    "EncodingError",
]


class CluError(Exception):
    """The base class of the errors of clu.

    Parameters
    ----------
    message
        The error message; a generic one by default.
    """

    def __init__(self, message: object = None) -> None:
        super().__init__(message if message else "There has been an error")


class CluNotImplemented(CluError, NotImplementedError):
    """A feature that is not implemented by this class."""

    def __init__(self, message: object = None) -> None:
        super().__init__(message if message else "This feature is not implemented yet.")


class CluTypeError(CluError, TypeError):
    """An argument of the wrong type."""


class CluValueError(CluError, ValueError):
    """An argument of the right type with an invalid value."""


class CluRuntimeError(CluError, RuntimeError):
    """An operation that is not possible in the current state."""


class CluConnectionError(CluError, ConnectionError):
    """A server that cannot be reached, or refuses the connection."""


class CluTimeoutError(CluError, TimeoutError):
    """Something that did not happen in time."""


class CommandError(CluError):
    """A command that cannot be created, parsed or run."""


class CommandFailed(CommandError):
    """A command to an actor that has failed.

    Parameters
    ----------
    actor
        The name of the actor.
    command
        The command.
    error
        The reason, in the words of the actor.
    replies
        The replies of the actor.

    Attributes
    ----------
    actor, command, error, replies
        The parameters.
    """

    def __init__(self, actor: str, command: str, error: str, replies: Sequence[Any] = ()) -> None:
        super().__init__(f"{actor} {command}: {error}")
        self.actor = actor
        self.command = command
        self.error = error
        self.replies = list(replies)

    def __reduce__(self) -> Any:
        # Exceptions are made again from their message, and replies have the command, a future.
        return type(self), (self.actor, self.command, self.error)


class CommandTimeout(CommandFailed, TimeoutError):
    """A command to an actor that did not end in time. The actor may still run it."""


class CommandParserError(CluError):
    """An error in the definition or use of a command parser."""


class EncodingError(CluError, TypeError):
    """A reply with a value that cannot be sent.

    Attributes
    ----------
    keyword
        The keyword with the value, or None if it is not known.
    """

    def __init__(self, message: object = None, keyword: str | None = None) -> None:
        super().__init__(message)
        self.keyword = keyword


class CluBaseWarning(Warning):
    """The base class of the warnings of clu."""


class CluWarning(UserWarning, CluBaseWarning):
    """A problem that the user should look into."""


class CluDeprecationWarning(DeprecationWarning, CluBaseWarning):
    """A feature that will be removed."""
