"""Access control of the websocket bridge."""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from websockets.http11 import Request

_origin = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[^/?#@:\[\]\s]+)(:[0-9]+)?")
#: How many characters of an origin are shown.
_SHOWN = 100
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Access:
    """Decides which clients may connect, by token and by the origin of a browser's page.

    Browsers send the origin of the page; other programs have none. Allowed are pages of this
    machine (``localhost`` and loopback addresses), and those from the host that the browser
    connects to, on any port, if the host is an address or this machine's own name. Other names are
    refused: the owner of a domain can make it point to any address.

    Parameters
    ----------
    token
        The token that clients must send; None means that no token is required.
    origins
        Further origins of pages to allow, such as ``"https://example.org"``; ``"*"`` for all,
        ``"null"`` for pages without an origin, such as files.

    Raises
    ------
    CluValueError
        If the token is empty, or an origin is invalid.
    """

    def __init__(self, token: str | None = None, origins: Iterable[str] = ()) -> None:
        if token == "":
            raise CluValueError("The token is empty: omit it, or provide one.")
        if isinstance(origins, str):
            raise CluValueError(f"The allowed origins must be a list of strings, not {origins!r}.")
        self._token = token
        self.origins = frozenset(map(_normal_origin, origins))
        self._own_name = socket.gethostname().lower()

    @property
    def has_token(self) -> bool:
        """Whether clients must send a token."""
        return self._token is not None

    def problem(self, request: Request) -> tuple[HTTPStatus, str] | None:
        """Return why a client may not connect, or None if it may."""
        origins = request.headers.get_all("Origin")
        hosts = request.headers.get_all("Host")
        if not all(self.allows_origin(origin, hosts[0] if hosts else "") for origin in origins):
            reason = f"Pages from {origins[0][:_SHOWN]!r} may not connect here."
            return HTTPStatus.FORBIDDEN, reason
        if self._token is not None and not self._knows_token(request):
            return HTTPStatus.UNAUTHORIZED, "The token is missing or wrong."
        return None

    def allows_origin(self, origin: str, host: str) -> bool:
        """Whether pages of an origin may connect.

        Parameters
        ----------
        origin
            The origin that the browser sends.
        host
            The host that the browser connects to, with or without a port.
        """
        try:
            origin = _normal_origin(origin)
        except CluValueError:
            return False
        if "*" in self.origins or origin in self.origins:
            return True
        if not origin.startswith(("http://", "https://")):
            return False
        name = _host_name(origin.partition("://")[2])
        if is_loopback(name):
            return True
        return name == _host_name(host) and (_is_address(name) or name == self._own_name)

    def _knows_token(self, request: Request) -> bool:
        assert self._token is not None
        expected = self._token.encode(errors="surrogateescape")
        return any(
            hmac.compare_digest(expected, given.encode(errors="surrogateescape"))
            for given in _tokens(request)
        )


def _tokens(request: Request) -> Iterator[str]:
    """Return the tokens in the headers and in the query of a request."""
    for value in request.headers.get_all("Authorization"):
        scheme, _, credentials = value.strip().partition(" ")
        if scheme.lower() == "bearer":
            yield credentials.strip()
    try:
        query = urlsplit(request.path).query
    except ValueError:
        return
    for item in query.split("&"):
        name, _, value = item.partition("=")
        if name == "token":
            yield unquote(value)


def _normal_origin(origin: str) -> str:
    """Return an origin in lower case and without the default port.

    Raises
    ------
    CluValueError
        If it is not an origin.
    """
    text = origin.strip().lower()
    if text in ("*", "null"):
        return text
    if _origin.fullmatch(text) is None:
        raise CluValueError(
            f"{origin!r} is not the origin of a page: it must be like https://example.org:8000, "
            "or * for all, or null."
        )
    return text.removesuffix(_DEFAULT_PORTS.get(text.partition("://")[0], "/"))


def _host_name(host: str) -> str:
    """Return the name or the address of a host, without the port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def is_loopback(name: str) -> bool:
    """Whether a name or an address is a loopback address."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_address(name) and ipaddress.ip_address(name).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
