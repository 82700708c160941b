"""How loud the AMQP libraries are about a connection that was lost: once, not once a second."""

from __future__ import annotations

import logging
import weakref
from typing import Any

#: What the libraries say, by their loggers, of which our own lines are enough.
_SAID_BY_US = {
    "aiormq.connection": (
        "Cancelling cause reader exited abnormally",
        "Unexpected connection close from remote",
        "Server connection %r was stuck",
        "error when creating transport",
    ),
    "aio_pika.robust_connection": (
        "Connection to",
        "Connection attempt to",
        "Reconnect attempt failed",
    ),
    "aio_pika.tools": ("Callback %r error",),
}

#: What stands among the reasons for each time that a locked queue was no news.
_PATIENCE = ("locked once", "locked twice")


class _OncePerReason(logging.Filter):
    """Turns lines about lost connections into debug lines, except a reason that is new.

    aio_pika logs every attempt to connect again. That a broker cannot be reached is no news after
    our own line; that it refuses us is, the first time.
    """

    def __init__(self) -> None:
        super().__init__()
        #: The reasons that were logged, by the connection that is ours.
        self.said: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(_SAID_BY_US[record.name]) and not self._is_news(record):
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return True

    def _is_news(self, record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        if record.name == "aio_pika.tools":
            # The channel tries to come back too, on a connection that is not there yet.
            return "RobustChannel._on_close" not in repr(arguments[:1])
        if record.name == "aiormq.connection":
            return False
        if (said := self.said.get(arguments[0])) is None:
            return True
        new = {str(error) for error in arguments if _is_refusal(error)} - said
        if any("RESOURCE_LOCKED" in reason for reason in new):
            # Mostly by the connection that we have lost, which the broker has yet to notice.
            for patience in _PATIENCE:
                if patience not in said:
                    said.add(patience)
                    return False
        said |= new
        return bool(new)


def _is_refusal(error: object) -> bool:
    """Whether there was a broker, which did not let us in."""
    from aiormq.exceptions import AMQPConnectionError, AMQPError

    return isinstance(error, AMQPError) and type(error) is not AMQPConnectionError


_FILTER = _OncePerReason()


def quieten(connection: Any) -> None:
    """Let the libraries say about a connection only what is new."""
    _FILTER.said[connection] = set()
    for name in _SAID_BY_US:
        logging.getLogger(name).addFilter(_FILTER)


def forget_reasons(connection: Any) -> None:
    """Let a reason be said again, in the next outage."""
    if connection in _FILTER.said:
        _FILTER.said[connection] = set()
