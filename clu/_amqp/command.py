"""What comes in a message to an actor: a command or a task."""

from __future__ import annotations

import json
from typing import Any

from clu._speedups.received import decode_json
from clu.exceptions import CluError
from clu.parsers._words import excerpt


class BadMessage(CluError):
    """A message that is not a command."""


def command_string(message: Any) -> str:
    """Return the command in a message.

    Raises
    ------
    BadMessage
        If there is none.
    """
    body = payload(message)
    if "command_string" not in body:
        raise BadMessage("The message has no command_string.")
    command = body["command_string"]
    if isinstance(command, str):
        return command
    if isinstance(command, dict):  # for actors with a JSON parser
        return json.dumps(command)
    raise BadMessage(f"The command {excerpt(repr(command))} is not a string.")


def payload(message: Any) -> dict[str, Any]:
    """Return the body of a message, which must be an object.

    Raises
    ------
    BadMessage
        If it is not one.
    """
    try:
        body = decode_json(message.body)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"The message cannot be parsed as JSON: {error}.") from None
    if not isinstance(body, dict):
        raise BadMessage("The body of the message is not an object.")
    return body
