"""What a program tells about itself: to the broker for the management page, and to who asks."""

from __future__ import annotations

import os
import socket
import time
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


def describe_program(
    version: str, started_at: float, commands: int | None = None
) -> dict[str, Any]:
    """Return what the answer to a question for the presence of a program tells about it.

    Parameters
    ----------
    version
        The version of the actor or client.
    started_at
        When it was started, on the monotonic clock.
    commands
        How many commands an actor runs; None for a client.
    """
    program = {
        "version": version,
        "clu": __version__,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "uptime": round(time.monotonic() - started_at, 1),
        "actor": commands is not None,
    }
    return program if commands is None else {**program, "commands": commands}
