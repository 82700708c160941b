"""Exceptions as values of keywords."""

from __future__ import annotations

import re
import traceback
from typing import Any

# An absolute path, but not the slash of a unit or of a relative path.
_PATH = re.compile(r"(?<![\w./\\])(?:~?/[^\s'\":;,()/][^\s'\":;,()]*|[A-Za-z]:[\\/][^\s'\":;,()]+)")


def error_text(error: BaseException) -> str:
    """Return the text of an exception, even of one that fails to tell it."""
    try:
        return str(error)
    except Exception:
        return f"<the text of {type(error).__name__} cannot be told>"


def without_paths(text: str) -> str:
    """Return a text with each absolute path in it replaced by ``<path>``."""
    return _PATH.sub("<path>", text)


def describe_exception(error: BaseException, frame: int = 0) -> dict[str, Any]:
    """Describe an exception as the value of a keyword.

    Parameters
    ----------
    error
        The exception.
    frame
        How many frames to step into the traceback for the file name and line.

    Returns
    -------
    description
        The keys ``message, module, type, filename, lineno, traceback``; the file name and line
        are None for an exception that was never raised.
    """
    step = error.__traceback__
    for _ in range(frame):
        if step is None or step.tb_next is None:
            break
        step = step.tb_next
    return {
        "message": error_text(error),
        "module": type(error).__module__,
        "type": type(error).__name__,
        "filename": step.tb_frame.f_code.co_filename if step else None,
        "lineno": step.tb_lineno if step else None,
        "traceback": traceback.format_exception(type(error), error, error.__traceback__),
    }


def report_exceptions(message: dict[str, Any], expand: bool, frame: int) -> dict[str, Any]:
    """Return the message with each exception in it replaced by its description or its text.

    An exception inside a dictionary is always replaced by its text.
    """
    reported = {}
    for key, value in message.items():
        if isinstance(value, BaseException):
            value = describe_exception(value, frame) if expand else error_text(value)
        elif isinstance(value, dict):
            value = report_exceptions(value, False, frame)
        reported[key] = value
    return reported


def report_briefly(message: dict[str, Any], expand: bool, frame: int) -> dict[str, Any]:
    """Do what `report_exceptions` does, without tracebacks, file names and paths."""
    reported = {}
    for key, value in message.items():
        if isinstance(value, BaseException):
            text = without_paths(error_text(value))
            kind = type(value)
            description = {"message": text, "module": kind.__module__, "type": kind.__name__}
            value = description if expand else text
        elif isinstance(value, dict):
            value = report_briefly(value, False, frame)
        reported[key] = value
    return reported
