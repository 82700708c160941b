"""Replies as they come over an AMQP broker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from clu._core.encoding import decode_json
from clu._core.reply import MessageCode

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage

logger = logging.getLogger("clu")

#: The codes by what they are written as: legacy actors, whose replies others forward, use capitals.
_CODES = {
    written: code for code in MessageCode for written in (code.value.upper(), str(code.value))
}


def decode_headers(message: Any) -> dict[str, Any]:
    """Return the headers of a message, as strings where they are bytes."""
    if not getattr(message, "has_bytes", True):
        headers: dict[str, Any] = message.headers
        return headers
    return {
        key: value.decode(errors="replace") if isinstance(value, (bytes, bytearray)) else value
        for key, value in (message.headers or {}).items()
    }


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
    headers
        The headers of the message.
    message_code
        The code of the reply, as it was sent.
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
        self.headers = headers = decode_headers(message)
        code = headers.get("message_code")
        if type(code) is not str:
            code = "" if code is None else str(code)
        self.message_code: str = code
        #: The code as a member, or None if it is not one of ours.
        self._code = _CODES.get(code)
        sender = headers.get("sender")
        if sender is not None and not isinstance(sender, str):
            sender = str(sender)
        self.sender: str | None = sender
        self.internal = bool(headers.get("internal", False))
        self.command_id: str | None = message.correlation_id
        problem, level = None, logging.WARNING
        body: Any = None
        if not code:
            problem = self._code_problem()
        else:
            command_id = headers.get("command_id")
            # Compared as strings only where they differ, which is slower.
            if (
                command_id is not None
                and command_id != self.command_id
                and str(command_id) != self.command_id
            ):
                level = logging.ERROR
                problem = (
                    f"mismatch between message correlation_id={self.command_id} and header "
                    f"command_id={command_id} in message"
                )
        if problem is None:
            if sender is None:
                self._log.warning("received message without sender: %r", message)
            try:
                body = decode_json(message.body)
            except (ValueError, RecursionError) as error:
                problem = f"received message that is not JSON ({error}):"
            else:
                if not isinstance(body, dict):
                    problem = "received message whose body is not an object:"
        self.is_valid = problem is None
        self.body: dict[str, Any] = body if problem is None else {}
        if problem is not None:
            self._log.log(level, "%s %r", problem, message)

    def _code_problem(self) -> str:
        if (malformed := getattr(self.message, "malformed", None)) is not None:
            return f"received message whose properties cannot be decoded ({malformed}):"
        return "received message without message_code:"

    @property
    def info(self) -> dict[str, Any]:
        """Everything that aio_pika knows about the message."""
        return dict(self.message.info())

    def __repr__(self) -> str:
        return f"<AMQPReply ({self.sender} {self.command_id} {self.message_code} {self.body!r})>"
