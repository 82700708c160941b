"""Replies as they come over an AMQP broker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from clu._core.reply import MessageCode
from clu._speedups.received import (
    NO_CODE,
    NOT_JSON,
    NOT_OBJECT,
    OTHER_COMMAND,
    ReceivedReply,
)

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage

logger = logging.getLogger("clu")

#: The codes by what they are written as: legacy actors, whose replies others forward, use capitals.
CODES = {written: code for code in MessageCode for written in (code.value.upper(), str(code.value))}


class AMQPReply(ReceivedReply):
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
        self._read(message, CODES, log or logger)

    def _report(self, log: Any) -> None:
        flaw, message = self._flaw, self.message
        if self.sender is None and flaw not in (NO_CODE, OTHER_COMMAND):
            log.warning("received message without sender: %r", message)
        if flaw:
            level = logging.ERROR if flaw == OTHER_COMMAND else logging.WARNING
            log.log(level, "%s %r", self._problem(), message)

    def _problem(self) -> str:
        if self._flaw == OTHER_COMMAND:
            return (
                f"mismatch between message correlation_id={self.command_id} and header "
                f"command_id={self.headers['command_id']} in message"
            )
        if self._flaw == NOT_JSON:
            return f"received message that is not JSON ({self._error}):"
        if self._flaw == NOT_OBJECT:
            return "received message whose body is not an object:"
        if (malformed := getattr(self.message, "malformed", None)) is not None:
            return f"received message whose properties cannot be decoded ({malformed}):"
        return "received message without message_code:"

    @property
    def info(self) -> dict[str, Any]:
        """Everything that aio_pika knows about the message."""
        return dict(self.message.info())

    def __repr__(self) -> str:
        return f"<AMQPReply ({self.sender} {self.command_id} {self.message_code} {self.body!r})>"
