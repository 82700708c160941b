"""What a connection tells the broker about the program at its end, for the management page."""

from __future__ import annotations

import os
import socket
from typing import Any

from clu._version import __version__


def client_properties(name: str) -> dict[str, Any]:
    """Return the properties of a connection.

    Parameters
    ----------
    name
        The name of the actor or client.
    """
    host = socket.gethostname()
    return {
        "product": "clu",
        "version": __version__,
        "actor": name,
        "host": host,
        "pid": os.getpid(),
        "connection_name": f"{name} (pid {os.getpid()} on {host})",
    }
