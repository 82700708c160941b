"""A filter for what the AMQP libraries log about a lost connection: once, not once a second."""

from __future__ import annotations

import logging
import weakref
from typing import Any

#: What the libraries log, by their loggers, for which our own lines are enough.
_LOGGED_BY_US = {
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

#: How often in an outage a locked queue is not logged.
_LOCKS_IGNORED = 2


class _Outage:
    """What was logged since a connection was last healthy."""

    def __init__(self) -> None:
        #: The reasons that were logged.
        self.reasons: set[str] = set()
        #: How often a locked queue was not logged.
        self.locks = 0


class _OncePerReason(logging.Filter):
    """Turns lines about lost connections into debug lines, except a reason that is new.

    aio_pika logs every attempt to connect again. That a broker cannot be reached is no news after
    our own line; that it refuses us is, the first time.
    """

    def __init__(self) -> None:
        super().__init__()
        #: The latest outage of each connection that is ours.
        self.outages: weakref.WeakKeyDictionary[Any, _Outage] = weakref.WeakKeyDictionary()

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(_LOGGED_BY_US[record.name]) and not self._is_news(record):
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return True

    def _is_news(self, record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        if record.name == "aio_pika.tools":
            # The channel tries to come back too, on a connection that is not there yet.
            return "RobustChannel._on_close" not in repr(arguments[:1])
        if record.name == "aiormq.connection":
            return False
        if (outage := self.outages.get(arguments[0])) is None:
            return True
        new = {str(error) for error in arguments if _is_refusal(error)} - outage.reasons
        if outage.locks < _LOCKS_IGNORED and any("RESOURCE_LOCKED" in reason for reason in new):
            # Mostly by the connection that we have lost, which the broker has yet to notice.
            outage.locks += 1
            return False
        outage.reasons |= new
        return bool(new)


def _is_refusal(error: object) -> bool:
    """Whether there was a broker, which did not let us in."""
    from aiormq.exceptions import AMQPConnectionError, AMQPError

    return isinstance(error, AMQPError) and type(error) is not AMQPConnectionError


_FILTER = _OncePerReason()


def filter_repetitions(connection: Any) -> None:
    """Have the libraries log about a connection only what is new."""
    _FILTER.outages[connection] = _Outage()
    for name in _LOGGED_BY_US:
        logging.getLogger(name).addFilter(_FILTER)


def forget_reasons(connection: Any) -> None:
    """Have a reason logged again in the next outage."""
    if connection in _FILTER.outages:
        _FILTER.outages[connection] = _Outage()
