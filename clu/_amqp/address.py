"""The addresses of a broker, one for each of its nodes, and the interval of heartbeats."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yarl import URL

#: The most seconds that AMQP knows as a heartbeat.
_LONGEST_HEARTBEAT = 65534

#: Every peer must accept frames of this many bytes.
_LEAST_FRAME_MAX = 4096
#: Between two URLs in a string. Within one, commas separate the hosts.
_between_urls = re.compile(r"[,\s]+(?=(?:amqps?|memory)://)", re.IGNORECASE)
_parts_of_url = re.compile(r"(amqps?)://([^/?#]*@)?([^/?#]*)([/?#].*)?", re.IGNORECASE | re.DOTALL)
#: A memory broker has a name and nothing else, but aiormq wants to see a port.
MEMORY = "memory"
MEMORY_PORT = 1
_memory_url = re.compile(r"memory://[a-z0-9][a-z0-9_.-]*/?(?:[?].*)?")
_host_and_port = re.compile(r"(\[[^]]*\]|[^:\[\]]*)(?::([0-9]*))?")


def check_url(url: Any) -> Any:
    """Return the address, or the addresses, of a broker, or None if there is none.

    Parameters
    ----------
    url
        A URL, in which commas may separate several hosts, or a list or a tuple of URLs.

    Raises
    ------
    CluValueError
        If it is not one. aiormq would not say so, but try in vain to connect.
    """
    if url is None or (not isinstance(url, (list, tuple)) and not str(url)):
        return None
    split_urls(url)
    return url


def split_urls(url: Any) -> list[str]:
    """Return a URL for each host.

    Parameters
    ----------
    url
        As for `check_url`, but for none.

    Raises
    ------
    CluValueError
        If there is none, or one of them is not the URL of a broker.
    """
    urls = url if isinstance(url, (list, tuple)) else [url]
    if not urls:
        raise CluValueError("The list of addresses of the broker is empty.")
    split = [
        single
        for several in urls
        for url in _between_urls.split(str(several).strip())
        for single in _split_hosts(url)
    ]
    if len(split) > 1 and any(url.startswith(f"{MEMORY}:") for url in split):
        raise CluValueError(
            "A memory broker is alone: its address cannot be one of several addresses."
        )
    return split


def _split_hosts(url: str) -> list[str]:
    if url.startswith(f"{MEMORY}:"):
        if not _memory_url.fullmatch(url):
            raise CluValueError(
                f"The address of the broker {url!r} makes no sense: that of a memory broker is "
                "memory://NAME, with a name of lower-case letters, digits, '_', '.' and '-'."
            )
        return [url]
    found = _parts_of_url.fullmatch(url)
    if found is None:
        # What is not an address may be anything, a password included: it is not repeated.
        scheme, has_scheme, _ = url.partition("://")
        begins = f"begins with {scheme + has_scheme!r}" if has_scheme else "has no scheme"
        raise CluValueError(
            f"The address of the broker {begins}; it must be amqp://..., amqps://... or memory://..."
        )
    scheme, user, hosts, rest = (part or "" for part in found.groups())
    if "," not in hosts:
        return [url]
    return [f"{scheme}://{user}{_check_host(host, hosts)}{rest}" for host in hosts.split(",")]


def split_hosts(hosts: Any, port: int) -> list[tuple[str, int]]:
    """Return the name and the port of each host in a list, or in a string with commas.

    Raises
    ------
    CluValueError
        If there is none, or one of them is not ``HOST`` or ``HOST:PORT``.
    """
    items = hosts.split(",") if isinstance(hosts, str) else list(hosts)
    if not items:
        raise CluValueError("The list of hosts of the broker is empty.")
    split = []
    for item in items:
        found = _host_and_port.fullmatch(_check_host(str(item), hosts))
        assert found is not None
        split.append((found[1].strip("[]"), int(found[2] or port)))
    return split


def _check_host(host: str, among: object) -> str:
    host = host.strip()
    found = _host_and_port.fullmatch(host)
    if found is None or not found[1] or (found[2] is not None and not _is_port(found[2])):
        raise CluValueError(
            f"The host {host!r} in the address of the broker makes no sense (hosts: {among!r}); "
            "it must be HOST or HOST:PORT."
        )
    return host


def _is_port(text: str) -> bool:
    return text.isdigit() and len(text) < 6 and 0 < int(text) < 65536


class Addresses:
    """The addresses of a broker, which are tried in turn, beginning with any of them.

    Parameters
    ----------
    urls
        The addresses. They are shuffled, so that the clients of a cluster spread over its nodes.

    Attributes
    ----------
    current
        The address that was tried last.
    """

    def __init__(self, urls: list[URL]) -> None:
        self._urls = urls
        if len(urls) > 1:
            random.shuffle(urls)
        self._position = 0
        self._is_tried = False

    def __len__(self) -> int:
        return len(self._urls)

    def __iter__(self) -> Iterator[URL]:
        return iter(self._urls)

    @property
    def current(self) -> URL:
        return self._urls[self._position]

    @current.setter
    def current(self, url: URL) -> None:
        self._urls[self._position] = url

    @property
    def are_in_memory(self) -> bool:
        """Whether it is the address of a memory broker."""
        return self.current.scheme == MEMORY

    def next(self) -> URL:
        """Return the address to try now: another one than the last, if there is one."""
        if self._is_tried:
            self._is_tried = False
            self._position = (self._position + 1) % len(self._urls)
        return self.current

    def tried(self) -> None:
        """Record that a connection to the current address is being made."""
        self._is_tried = True


def without_password(url: URL) -> str:
    """Return an address with stars for its password, and without its query."""
    url = url.with_query(None)
    if url.scheme == MEMORY:
        return f"{MEMORY}://{url.host}"
    return str(url.with_password("******") if url.password else url)


def check_frame_max(url: URL, most: int | None = None) -> int | None:
    """Return the longest frame, in bytes, for which an address asks, or None.

    Parameters
    ----------
    url
        The address.
    most
        What the broker accepts, if that is known; 0 for any.

    Raises
    ------
    CluValueError
        If it is no such number, or more than the broker accepts.
    """
    text = url.query.get("frame_max")
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 10 or 0 < int(text) < _LEAST_FRAME_MAX:
        raise CluValueError(
            f"frame_max={text} in the address of the broker is not a number of bytes, "
            f"{_LEAST_FRAME_MAX} or more."
        )
    wanted = int(text)
    if most and not 0 < wanted <= most:
        raise CluValueError(
            f"frame_max={text} in the address of the broker is more than it accepts: {most}."
        )
    return wanted


def check_heartbeat(heartbeat: Any) -> int | None:
    if heartbeat is None:
        return None
    # aiormq would switch heartbeats off without a word.
    is_whole = isinstance(heartbeat, (int, float)) and heartbeat % 1 == 0
    if not is_whole or not 0 <= heartbeat <= _LONGEST_HEARTBEAT:
        raise CluValueError(
            f"The heartbeat {heartbeat!r} is not a whole number of seconds, "
            f"0 (never) to {_LONGEST_HEARTBEAT}."
        )
    return int(heartbeat)
