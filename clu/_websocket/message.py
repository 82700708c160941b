"""The messages between the websocket bridge and its clients."""

from __future__ import annotations

import dataclasses
import json
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from clu._core.encoding import ENCODING_ERRORS
from clu._speedups.reply import encode_json
from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from clu._amqp.reply import AMQPReply

#: The maximum length of names and ids in bytes: AMQP limits them together with the client name.
_LONGEST_NAME = 128

_JSON_TYPES = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


@dataclasses.dataclass(frozen=True)
class CommandMessage:
    """A command that a client wants to send.

    Parameters
    ----------
    consumer
        The name of the actor.
    command_string
        The command.
    command_id
        The id of the command.
    given_id
        The id as sent by the client, or None.
    """

    consumer: str
    command_string: str
    command_id: str
    given_id: str | int | None


class BadMessage(CluValueError):
    """A message that is not a valid command, with what is known about the command.

    Attributes
    ----------
    given_id
        The id of the command, or None.
    consumer
        The name of the actor, or None.
    """

    def __init__(self, reason: str, given_id: Any = None, consumer: Any = None) -> None:
        super().__init__(reason)
        self.given_id = given_id if _is_id(given_id) else None
        self.consumer = consumer if isinstance(consumer, str) else None


def parse_message(message: bytes | str, limit: int) -> CommandMessage:
    """Return the command in a message of a client.

    Parameters
    ----------
    message
        The message as received from the client.
    limit
        The maximum length of a message in bytes.

    Raises
    ------
    BadMessage
        If it is not a valid command.
    """
    if len(message) > limit:
        raise BadMessage(
            f"The message of {len(message)} bytes is longer than the limit of {limit} bytes."
        )
    try:
        content = orjson.loads(message)
    except ValueError as error:
        raise BadMessage(f"The message is not JSON: {error}.") from None
    if not isinstance(content, dict):
        what = _JSON_TYPES[type(content)]
        raise BadMessage(
            f"The message is {what}, not an object with 'consumer' and 'command_string'."
        )
    given_id = content.get("command_id")
    consumer = content.get("consumer")
    if (problem := _problem(content)) is not None:
        raise BadMessage(problem, given_id, consumer)
    has_id = given_id is not None and given_id != ""
    command_id = str(given_id) if has_id else str(uuid.uuid4())
    return CommandMessage(content["consumer"], content["command_string"], command_id, given_id)


def _problem(content: dict[str, Any]) -> str | None:
    for name in ("consumer", "command_string"):
        if name not in content:
            return f"The message has no {name!r}."
        if not isinstance(value := content[name], str):
            return f"{name!r} must be a string, not {_JSON_TYPES[type(value)]}."
    given_id = content.get("command_id")
    if given_id is not None and not _is_id(given_id):
        return f"'command_id' must be a string or an integer, not {_JSON_TYPES[type(given_id)]}."
    if not content["consumer"]:
        return "'consumer' is empty."
    for name in ("consumer", "command_id"):
        if (size := len(str(content.get(name)).encode())) > _LONGEST_NAME:
            return f"{name!r} has {size} bytes, and the limit is {_LONGEST_NAME}."
    return None


def _is_id(value: Any) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def encode_reply(reply: AMQPReply) -> str:
    """Encode a reply of an actor as the JSON string that clients receive."""
    message = reply.message
    timestamp: Any = message.timestamp
    content = {
        "headers": reply.headers,
        "exchange": message.exchange,
        "message_id": message.message_id,
        "routing_key": message.routing_key,
        "timestamp": timestamp.isoformat() if hasattr(timestamp, "isoformat") else timestamp,
        "body": reply.body,
    }
    try:
        return encode_json(content).decode()
    except ENCODING_ERRORS:  # headers may contain values without a JSON equivalent
        return json.dumps(content, default=str, skipkeys=True)


def without_nan(text: str) -> str:
    """Replace NaN and infinities in an encoded reply, which browsers cannot parse, with null."""
    if "NaN" in text or "Infinity" in text:
        return json.dumps(json.loads(text, parse_constant=lambda _: None))
    return text


def encode_error(reason: str, given_id: str | int | None = None, consumer: Any = None) -> str:
    """Encode an error of the bridge itself as the JSON string that a client receives.

    It also has the structure of a failing reply: a client that waits for the end of its command
    need not handle errors separately.
    """
    content = {
        "error": reason,
        "command_id": given_id,
        "headers": {
            "command_id": None if given_id is None else str(given_id),
            "commander_id": None,
            "internal": False,
            "message_code": "f",
            "sender": consumer,
        },
        "exchange": None,
        "message_id": None,
        "routing_key": None,
        "timestamp": None,
        "body": {"error": reason},
    }
    return encode_json(content).decode()
