"""Why a server cannot listen, and what to do about it."""

from __future__ import annotations

import errno
import os
import socket

from clu.exceptions import ListenError, also

_ADVICE = {
    errno.EADDRINUSE: "Another program, maybe another instance of this actor, uses the port.",
    errno.EACCES: "Ports below 1024 need privileges.",
    errno.EADDRNOTAVAIL: 'It is not an address of this machine; "" stands for all of them.',
}
_HIGHEST_PORT = 65535


def check_port(name: str, port: object) -> None:
    """Refuse a port that the event loop would take for another one, or not explain.

    Raises
    ------
    ListenError
        If it is not a number from 0 to 65535. Names of services are left to the event loop.
    """
    if port is None or (isinstance(port, str) and not port.lstrip("-").isdigit()):
        return
    is_number = isinstance(port, (int, str, bytes)) and not isinstance(port, bool)
    if not is_number or not 0 <= int(port) <= _HIGHEST_PORT:  # type: ignore[call-overload]
        raise also(ListenError, TypeError)(
            f"{name} cannot listen on port {port!r}: it must be a number from 0 to {_HIGHEST_PORT}."
        )


def listen_error(name: str, host: object, port: object, error: Exception) -> ListenError:
    """Return an error that says where an actor cannot listen, and why.

    It is also one of the class of the original error.
    """
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, socket.gaierror):
        # The resolver's words for a port that is not one are of no help.
        is_port = number in (socket.EAI_SERVICE, getattr(socket, "EAI_NONAME", None)) and not (
            isinstance(port, int) or str(port).isdigit()
        )
        reason = "there is no such port" if is_port else str(error.strerror).lower()
    elif number is not None and number in errno.errorcode:
        reason = os.strerror(number).lower()
    else:
        reason = str(error)
    text = f"{name} cannot listen on {host or '*'}:{port}: {reason.rstrip('.')}."
    if advice := _ADVICE.get(number or 0):
        text += f" {advice}"
    described = also(ListenError, type(error))(text)
    if number is not None:
        described.errno = number
    return described
