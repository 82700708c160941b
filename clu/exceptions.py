"""The exceptions and warnings of clu.

``CluError`` is the base of every exception raised on purpose. Where a builtin says the same, the
class derives from it too, so that users can catch either family.
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
    """The base of the errors of clu.

    Parameters
    ----------
    message
        What went wrong; a general text by default.
    """

    def __init__(self, message: object = None) -> None:
        super().__init__(message if message else "There has been an error")


class CluNotImplemented(CluError, NotImplementedError):
    """A feature that this class does not have."""

    def __init__(self, message: object = None) -> None:
        super().__init__(message if message else "This feature is not implemented yet.")


class CluTypeError(CluError, TypeError):
    """An argument of the wrong type."""


class CluValueError(CluError, ValueError):
    """An argument of the right type with a value that makes no sense."""


class CluRuntimeError(CluError, RuntimeError):
    """Something done at the wrong moment."""


class CluConnectionError(CluError, ConnectionError):
    """A server that cannot be reached, or that does not let us in."""


class CommandError(CluError):
    """A command that cannot be created, parsed or run."""


class CommandParserError(CluError):
    """An error in the definition or use of a command parser."""


class EncodingError(CluError, TypeError):
    """A reply with a value that cannot be sent.

    Attributes
    ----------
    keyword
        The keyword that holds the value, or None when it is not known.
    """

    def __init__(self, message: object = None, keyword: str | None = None) -> None:
        super().__init__(message)
        self.keyword = keyword


class CluBaseWarning(Warning):
    """The base of the warnings of clu."""


class CluWarning(UserWarning, CluBaseWarning):
    """Something that the user should look at."""


class CluDeprecationWarning(CluBaseWarning):
    """A feature that will go."""
