"""Addresses of TCP actors."""

from __future__ import annotations

import urllib.parse

from clu.exceptions import CluValueError

__all__ = ["SCHEME", "split_url"]

SCHEME = "tcp://"


def split_url(url: str) -> tuple[str, int]:
    """Return the host and the port in the address of a TCP actor.

    Parameters
    ----------
    url
        The address, ``tcp://HOST:PORT``.

    Raises
    ------
    CluValueError
        If it is not one.
    """
    host = port = None
    try:
        parts = urllib.parse.urlsplit(url)
        if url.startswith(SCHEME) and not parts.path.strip("/") and not parts.username:
            host, port = parts.hostname, parts.port
    except (ValueError, AttributeError, TypeError):
        pass
    if not host or not port:
        raise CluValueError(f"{url!r} is not the address of an actor: use tcp://HOST:PORT.")
    return host, port
