"""The exceptions and warnings of clu.

``CluError`` is the base class of all exceptions that clu raises. Most of them also derive from the
corresponding builtin exception, and can be caught as either.
"""

from __future__ import annotations

__all__ = [
    "CluBaseWarning",
    "CluConnectionError",
    "CluDeprecationWarning",
    "CluError",
    "CluNotImplemented",
    "CluRuntimeError",
    "CluTypeError",
    "CluValueError",
    "CluWarning",
    "CommandError",
    "CommandParserError",
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


class CommandError(CluError):
    """A command that cannot be created, parsed or run."""


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
