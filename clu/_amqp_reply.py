"""Replies as they come over an AMQP broker."""

from __future__ import annotations

import collections
import json
import logging
from typing import TYPE_CHECKING, Any

from clu._reply import MESSAGE_CODES

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage

logger = logging.getLogger("clu")

#: How many of the latest message ids are remembered.
_REMEMBERED = 8192


def decode_headers(message: Any) -> dict[str, Any]:
    """Return the headers of a message, as texts where they are bytes."""
    return {
        key: value.decode(errors="replace") if isinstance(value, (bytes, bytearray)) else value
        for key, value in (message.headers or {}).items()
    }


class SeenMessages:
    """The latest messages, to know one that was published again after a lost connection."""

    def __init__(self) -> None:
        self._ids: collections.OrderedDict[str, None] = collections.OrderedDict()

    def has(self, message: Any) -> bool:
        """Whether the message came before, or else note that it has come now."""
        message_id = message.message_id
        if not message_id:
            return False
        if message_id in self._ids:
            return True
        self._ids[message_id] = None
        if len(self._ids) > _REMEMBERED:
            self._ids.popitem(last=False)
        return False


class AMQPReply:
    """A reply that came over an AMQP broker.

    Parameters
    ----------
    message
        The message of the broker.
    log
        A logger for what is wrong with it.

    Attributes
    ----------
    is_valid
        Whether it is a reply at all. If not, the log says why.
    message
        The message of the broker.
    body
        The keywords and their values; empty if the reply is not valid.
    info
        Everything that aio_pika knows about the message.
    headers
        The headers of the message.
    message_code
        The code of the reply.
    internal
        Whether the reply is not for wider consumption.
    sender
        The name of the actor that replies, or None.
    command_id
        The command that is answered, or None.
    """

    def __init__(self, message: AbstractIncomingMessage, log: Any = None) -> None:
        self.message = message
        self._log = log or logger
        self.is_valid = False
        self.body: dict[str, Any] = {}
        self.headers = decode_headers(message)
        code = self.headers.get("message_code")
        self.message_code: Any = MESSAGE_CODES.get(code, code) if isinstance(code, str) else ""
        self.sender: str | None = self.headers.get("sender")
        self.internal = bool(self.headers.get("internal", False))
        self.command_id: str | None = message.correlation_id
        problem = self._problem()
        if problem is None:
            self.is_valid = True
        else:
            key = getattr(message, "routing_key", None)
            self._log.warning("Ignoring a message to %s: %s: %r.", key, problem, self.headers)

    def _problem(self) -> str | None:
        """Return what is wrong with the reply, and read its body if nothing is."""
        if "message_code" not in self.headers:
            return "it has no message code"
        if self.message_code not in MESSAGE_CODES:
            return f"{self.headers['message_code']!r} is not a message code"
        if not isinstance(self.sender, str):
            return "it has no sender"
        command_id = self.headers.get("command_id")
        if command_id is not None and str(command_id) != self.command_id:
            return f"its correlation id {self.command_id!r} is not its command id"
        try:
            body = json.loads(self.message.body)
        except (ValueError, RecursionError) as error:
            return f"it is not JSON ({error})"
        if not isinstance(body, dict):
            return "its body is not an object"
        self.body = body
        return None

    @property
    def info(self) -> dict[str, Any]:
        """Everything that aio_pika knows about the message."""
        return dict(self.message.info())

    def __repr__(self) -> str:
        code = str(getattr(self.message_code, "value", self.message_code))
        return f"<AMQPReply ({self.sender} {self.command_id} {code} {self.body!r})>"
