"""Exceptions as values of keywords."""

from __future__ import annotations

import re
import traceback
from typing import Any

# An absolute path, but not the slash of a unit or of a relative path.
_PATH = re.compile(r"(?<![\w./\\])(?:~?/[^\s'\":;,()/][^\s'\":;,()]*|[A-Za-z]:[\\/][^\s'\":;,()]+)")

_TRACEBACK = re.compile(r"(?:[\s|+]*Exception Group )?Traceback \(most recent call last\):")
# What the formatter of warnings writes before the category.
_WARNING = re.compile(r"[^\n:]*(?::[\\/][^\n:]*)?:\d+: (?=\w*Warning: )")
_PLACE = re.compile(r"""File "[^"]*", line \d+(?:, in [\w<>.]+)?|[\w./\\~-]+\.pyx?:\d+""")


def error_text(error: BaseException) -> str:
    """Return an exception as a string, even if its ``__str__`` raises."""
    try:
        return str(error)
    except Exception:
        return f"<the message of {type(error).__name__} is not available>"


def without_paths(text: str) -> str:
    """Replace each absolute path in a string with ``<path>``."""
    return _PATH.sub("<path>", text)


def without_details(text: str) -> str:
    """Remove tracebacks, lines of source code, file names with lines, and paths from a string.

    Only the lines of a traceback that report the exception are kept.
    """
    kept = []
    is_inside = False
    for line in text.splitlines():
        if is_inside and (not line or line[0].isspace()):
            continue
        traceback, warning = _TRACEBACK.search(line), _WARNING.match(line)
        # A warning is followed by the line of source code.
        is_inside = traceback is not None or warning is not None
        if warning is not None:
            line = line[warning.end() :]
        elif traceback is not None:
            line = line[: traceback.start()]
        kept.append(without_paths(_PLACE.sub("<path>", line)))
    return "\n".join(kept)


def describe_exception(error: BaseException, frame: int = 0) -> dict[str, Any]:
    """Describe an exception as the value of a keyword.

    Parameters
    ----------
    error
        The exception.
    frame
        The number of frames to step into the traceback for the file name and line.

    Returns
    -------
    description
        A dictionary with the keys ``message, module, type, filename, lineno, traceback``. The file
        name and line are None for an exception that was never raised.
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
    """Replace each exception in a message with its description or its string.

    An exception inside a dictionary is always replaced with its string.
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
    """Do the same as `report_exceptions`, but without tracebacks, file names and paths."""
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
