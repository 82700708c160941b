"""The lines that a legacy actor receives and sends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from clu._core.legacy_command import parse_legacy_command
from clu._core.reply import TERMINAL_CODES
from clu._speedups.reply import format_line
from clu._tcp.command import BadLine
from clu.exceptions import CluTypeError, CommandError, EncodingError
from clu.parsers._words import excerpt

if TYPE_CHECKING:
    from clu._core.reply import MessageCode, Reply
    from clu.command import BaseCommand

_command_id = re.compile(
    r"\s*(?:[A-Za-z][\w-]*(?:\.[\w-]+)+\s+)?(?P<command_id>[0-9]{1,640})(?![0-9])"
)
#: The keywords of errors, and the keyword for the rest of their description.
_ERRORS = ("exception", "error")
_DESCRIPTION = "exception_info"


def parse_legacy_line(line: bytes) -> tuple[str | None, int, str] | None:
    """Split a line into the commander, the command id and the command; None if it is blank.

    Raises
    ------
    BadLine
        If the line is not a valid command. The exception has the id for the reply as
        ``command_id``.
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
        raise BadLine(find_command_id(text), f"Could not parse command {excerpt(text)!r}") from None


def find_command_id(text: str) -> int:
    """Return the command id at the beginning of a line, or 0."""
    found = _command_id.match(text)
    return int(found["command_id"]) if found else 0


def get_user_command_id(
    command: BaseCommand[Any, Any] | None = None,
    user_id: int | None = None,
    command_id: int | None = None,
) -> tuple[int, int]:
    """Return the user id and the command id of a reply; 0 stands for unknown.

    Parameters
    ----------
    command
        The command that the reply answers, which has both.
    user_id, command_id
        The ids to return instead, unless None.
    """
    if command is not None:
        if user_id is None and command.transport is not None:
            user_id = command.transport.user_id
        if command_id is None:
            command_id = command.command_id  # type: ignore[assignment]
    return user_id or 0, command_id or 0


def format_user_output(
    user_id: int, command_id: int, message_code: MessageCode | str, msg_str: str | None = None
) -> str:
    """Return the line of a reply with formatted keywords."""
    code = getattr(message_code, "value", message_code)
    return f"{user_id} {command_id} {code} {'' if msg_str is None else msg_str}"


def describe_errors(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message with errors as strings, and their descriptions in another keyword."""
    described = dict(message)
    for keyword in _ERRORS:
        error = described.get(keyword)
        if isinstance(error, dict):
            described[keyword] = error.get("message", "")
            described[_DESCRIPTION] = error
    return described


def one_by_one(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Split a message into one message for each keyword."""
    return [{keyword: value} for keyword, value in message.items()]


def find_bad_keyword(reply: Reply, error: Exception) -> CluTypeError | EncodingError:
    """Return an error that names the keyword that cannot be formatted.

    Returns
    -------
    error
        A `CluTypeError`, which `write` raises; or, if the reply ends a command, an `EncodingError`,
        which is reported to the users, because the command must end.
    """
    kind = EncodingError if reply.message_code in TERMINAL_CODES else CluTypeError
    for keyword, value in reply.message.items():
        try:
            format_line(0, 0, "i", {keyword: value})
        except Exception as reason:
            return kind(f"Cannot format keyword {keyword!r} {reason}")
    return kind(f"Cannot format the reply: {error}")
