"""The exceptions and warnings of clu.

``CluError`` is the base class of all exceptions that clu raises. Most of them also derive from the
corresponding builtin exception, and can be caught as either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ActorNotFound",
    "BrokerConnectionError",
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
    "CommandsFailed",
    "ConfigurationError",
    "EncodingError",
    "InvalidArguments",
    "InvalidCommand",
    "KeywordTimeout",
    "ListenError",
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


class ConfigurationError(CluError):
    """A configuration that cannot be read, or does not fit the class that it is for."""


class ListenError(CluError, OSError):
    """A server that cannot listen on an address."""


class CluTimeoutError(CluError, TimeoutError):
    """Something that did not happen in time."""


class KeywordTimeout(CluTimeoutError):
    """A keyword that has not got the value that was waited for.

    Parameters
    ----------
    name
        ``ACTOR.KEYWORD``.
    timeout
        For how many seconds it was waited for.
    value
        The last value.
    age
        How old that is, in seconds; None if there is no value.
    updates
        The number of updates that came, the value that there was before included.
    reason
        Why there may be no value, or an empty string.

    Attributes
    ----------
    name, timeout, value, age, updates, reason
        The parameters.
    """

    def __init__(
        self,
        name: str,
        timeout: float,
        value: Any = None,
        age: float | None = None,
        updates: int = 0,
        reason: str = "",
    ) -> None:
        text = f"{name} has not got the value that was waited for within {timeout:g} s."
        if age is None:
            text = f"{text} No value came. {reason}".rstrip()
        else:
            came = "1 value came" if updates == 1 else f"{updates} values came"
            text = f"{text} {came}; the last is {value!r}, {age:.1f} s old."
        super().__init__(text)
        self.name = name
        self.timeout = timeout
        self.value = value
        self.age = age
        self.updates = updates
        self.reason = reason

    def __reduce__(self) -> Any:
        # Exceptions are made again from their message.
        arguments = (self.name, self.timeout, self.value, self.age, self.updates, self.reason)
        return type(self), arguments


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


class InvalidCommand(CommandError, ValueError):
    """A command that an actor does not take. It is not sent, or the actor refuses it.

    Parameters
    ----------
    actor
        The name of the actor.
    command
        The command.
    error
        The reason.
    parameter
        The parameter of the command that is not valid, if it is one.
    replies
        The replies of the actor, if the command was sent.

    Attributes
    ----------
    actor, command, error, parameter, replies
        The parameters.
    """

    def __init__(
        self,
        actor: str,
        command: str,
        error: str,
        parameter: str | None = None,
        replies: Sequence[Any] = (),
    ) -> None:
        super().__init__(f"{actor} {command}: {error}")
        self.actor = actor
        self.command = command
        self.error = error
        self.parameter = parameter
        self.replies = list(replies)

    def __reduce__(self) -> Any:
        return type(self), (self.actor, self.command, self.error, self.parameter)


class InvalidArguments(InvalidCommand, TypeError):
    """A call of a command with a missing, unknown or repeated argument, or one of another type."""


class CommandsFailed(CommandError):
    """Some of several commands that ran side by side have failed.

    Parameters
    ----------
    results
        The result of each command, or None if it has failed.
    errors
        The error of each command, or None if it has not failed.

    Attributes
    ----------
    results, errors
        The parameters.
    """

    def __init__(self, results: Sequence[Any], errors: Sequence[BaseException | None]) -> None:
        reasons = [str(error) or repr(error) for error in errors if error is not None]
        super().__init__(f"{len(reasons)} of {len(errors)} commands failed: {'; '.join(reasons)}")
        self.results = list(results)
        self.errors = list(errors)

    def __reduce__(self) -> Any:
        return type(self), ([None] * len(self.results), self.errors)


class ActorNotFound(CluError, LookupError):
    """An actor that is not there.

    Parameters
    ----------
    actor
        The name of the actor.
    reason
        How that is known.
    present
        The names of the actors that are there, as far as that is known.

    Attributes
    ----------
    actor, reason, present
        The parameters.
    """

    def __init__(self, actor: str, reason: str, present: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.actor = actor
        self.reason = reason
        self.present = list(present)

    def __reduce__(self) -> Any:
        return type(self), (self.actor, self.reason, self.present)


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


E = TypeVar("E", bound=CluError)


def also(kind: type[E], other: type[Exception]) -> type[E]:
    """Return a class of errors that can also be caught as others."""
    if issubclass(kind, other):
        return kind
    return type(kind.__name__, (kind, other), {"__doc__": kind.__doc__, "__module__": __name__})


class CluBaseWarning(Warning):
    """The base class of the warnings of clu."""


class CluWarning(UserWarning, CluBaseWarning):
    """A problem that the user should look into."""


class CluDeprecationWarning(DeprecationWarning, CluBaseWarning):
    """A feature that will be removed."""


if TYPE_CHECKING:
    from aio_pika.exceptions import AMQPConnectionError, ChannelInvalidStateError

    class BrokerConnectionError(CluConnectionError, AMQPConnectionError, ChannelInvalidStateError):
        """An AMQP broker that cannot be reached, or whose connection was lost."""

else:

    def __getattr__(name: str) -> Any:
        if name != "BrokerConnectionError":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # Slow to import, and not always needed.
        from aio_pika.exceptions import AMQPConnectionError, ChannelInvalidStateError

        bases = (CluConnectionError, AMQPConnectionError, ChannelInvalidStateError)
        doc = """An AMQP broker that cannot be reached, or whose connection was lost.

        It can be caught as the errors of aio_pika, too.
        """
        found = type(name, bases, {"__doc__": doc, "__module__": __name__})
        return globals().setdefault(name, found)
