"""Telling systemd about the state of the service, as its protocol sd_notify(3) says."""

from __future__ import annotations

import contextlib
import os
import socket

__all__ = ["notify"]


def notify(*states: str) -> None:
    """Send assignments such as ``READY=1`` to the service manager, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    family = getattr(socket, "AF_UNIX", None)
    if not address or family is None:
        return
    if address.startswith("@"):  # a socket in the abstract namespace of Linux
        address = f"\0{address[1:]}"
    # A service that runs must not end because its manager does not listen.
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sending:
        sending.sendto("\n".join(states).encode(), address)
