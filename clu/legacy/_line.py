"""The lines that a legacy actor receives and sends."""

from __future__ import annotations

import re
from typing import Any

from clu._legacy_command import parse_legacy_command
from clu._speedups.reply import format_line
from clu._tcp_command import BadLine
from clu.exceptions import CluTypeError, CommandError

_command_id = re.compile(
    r"\s*(?:[A-Za-z][\w-]*(?:\.[\w-]+)+\s+)?(?P<command_id>[0-9]{1,640})(?![0-9])"
)
#: What a reply calls an error, and the keyword for the rest of its description.
_ERRORS = ("exception", "error")
_DESCRIPTION = "exception_info"


def parse_legacy_line(line: bytes) -> tuple[str | None, int, str] | None:
    """Split a line into the commander, the command id and the command; None if it is blank.

    Raises
    ------
    BadLine
        If the line is not a command. Its ``command_id`` tells the id to answer to.
    """
    text = line.decode(errors="backslashreplace").strip()
    if not text:
        return None
    try:
        line.decode()
        return parse_legacy_command(text)
    except UnicodeDecodeError as error:
        raise BadLine(find_command_id(text), f"The command is not UTF-8: {error}.") from None
    except CommandError:
        raise BadLine(find_command_id(text), f"Could not parse command {text!r}") from None


def find_command_id(text: str) -> int:
    """Return the command id that a line begins with, or 0."""
    found = _command_id.match(text)
    return int(found["command_id"]) if found else 0


def describe_errors(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message where an error is a text, and its description another keyword."""
    described = dict(message)
    for keyword in _ERRORS:
        error = described.get(keyword)
        if isinstance(error, dict):
            described[keyword] = error.get("message", "")
            described[_DESCRIPTION] = error
    return described


def one_by_one(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a message for each keyword of a message."""
    return [{keyword: value} for keyword, value in message.items()]


def blame_keyword(message: dict[str, Any], error: Exception) -> CluTypeError:
    """Return an error that names the keyword because of which a message cannot be formatted."""
    for keyword, value in message.items():
        try:
            format_line(0, 0, "i", {keyword: value})
        except Exception as reason:
            return CluTypeError(f"Cannot format keyword {keyword!r}: {reason}")
    return CluTypeError(f"Cannot format the reply: {error}")
