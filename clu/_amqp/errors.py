"""The error of a broker that cannot be reached, and how long what leads to it may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clu.exceptions import CluConnectionError

#: The seconds that connecting may take.
TIMEOUT = 20.0
#: The seconds between two attempts to connect again.
RECONNECT_INTERVAL = 1.0


def connection_error(message: str) -> CluConnectionError:
    """Return an error that is one of clu and one of aio_pika."""
    # Slow to import, and not always needed.
    from clu.exceptions import BrokerConnectionError

    return BrokerConnectionError(message)
