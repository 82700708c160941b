"""The error of a broker that cannot be reached, and how long what leads to it may take."""

from __future__ import annotations

import functools
from typing import Any

from clu.exceptions import CluConnectionError

#: The seconds that connecting may take.
TIMEOUT = 20.0
#: The seconds between two attempts to connect again.
RECONNECT_INTERVAL = 1.0


@functools.cache
def _error_class() -> type[CluConnectionError]:
    # Slow to import, and not always needed.
    from aio_pika.exceptions import AMQPConnectionError, ChannelInvalidStateError

    class BrokerConnectionError(CluConnectionError, AMQPConnectionError, ChannelInvalidStateError):
        """No connection to the AMQP broker."""

    BrokerConnectionError.__qualname__ = "BrokerConnectionError"
    return BrokerConnectionError


def __getattr__(name: str) -> Any:
    if name == "BrokerConnectionError":
        return _error_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def connection_error(message: str) -> CluConnectionError:
    """Return an error that is one of clu and one of aio_pika."""
    return _error_class()(message)
