"""The header of commands that a TCP JSON actor receives."""

from __future__ import annotations

import re

from clu.exceptions import CommandError

_pattern = re.compile(r"(?:(?P<command_id>[0-9]+)\s+)?(?P<body>\S.*)?", re.DOTALL | re.ASCII)

#: The maximum number of digits of a command id.
_MAX_DIGITS = 640


def parse_tcp_command(line: bytes) -> tuple[int, str]:
    """Split a line into the command id, 0 by default, and the command.

    Raises
    ------
    CommandError
        If the line is not UTF-8 or the number has too many digits. The exception has the id as
        ``command_id``.
    """
    text = line.decode(errors="backslashreplace").strip()
    found = _pattern.match(text)
    assert found is not None
    digits, body = found.groups()
    if digits and len(digits) > _MAX_DIGITS:
        raise BadLine(0, f"The command id has {len(digits)} digits (the limit is {_MAX_DIGITS}).")
    command_id = int(digits or 0)
    try:
        line.decode()
    except UnicodeDecodeError as error:
        raise BadLine(command_id, f"The command is not UTF-8: {error}.") from None
    return command_id, body or ""


def find_command_id(head: bytes) -> int:
    """Return the command id at the beginning of a line, 0 by default."""
    try:
        return parse_tcp_command(head)[0]
    except BadLine as error:
        return error.command_id


class BadLine(CommandError):
    """A line that is not a valid command, with the command id for the reply."""

    def __init__(self, command_id: int, message: str) -> None:
        super().__init__(message)
        self.command_id = command_id
