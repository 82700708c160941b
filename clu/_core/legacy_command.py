"""The header of commands that a legacy actor receives."""

from __future__ import annotations

import re

from clu.exceptions import CommandError

# [program.user[.stack]] [command id [another number]] body
_pattern = re.compile(
    r"(?:(?P<commander>(?:[A-Za-z][\w-]*)?(?:\.[\w-]+)+)\s+)?"
    r"(?:(?P<command_id>[0-9]+)\s+(?:[0-9]+\s+)?)?"
    r"(?P<body>(?:[A-Za-z_]|--help).*)?\s*\Z"
)

#: The maximum number of digits of a command id.
_MAX_DIGITS = 640


def parse_legacy_command(command_string: str) -> tuple[str | None, int, str]:
    """Split a command received by a legacy actor into its header and body.

    Parameters
    ----------
    command_string
        ``[commander] [command id] body``.

    Returns
    -------
    commander_id
        The commander, ``program.user`` followed by any actors that relayed the command, or None.
    command_id
        The number of the command, 0 by default.
    body
        The command itself.

    Raises
    ------
    CommandError
        If there is no body that starts with a letter, an underscore or ``--help``, or the number
        has too many digits.
    """
    found = _pattern.match(command_string)
    if found is None or found["body"] is None:
        raise CommandError(f"Could not parse command {command_string!r}")
    commander, digits, body = found.groups()
    if digits and len(digits) > _MAX_DIGITS:
        raise CommandError(f"The command id has {len(digits)} digits (at most {_MAX_DIGITS}).")
    return commander, int(digits or 0), body.strip()
