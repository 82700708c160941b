"""The address of a broker, and what programs show there to be admitted."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass

import click

from clu._amqp.address import split_hosts, split_urls
from clu.exceptions import CluValueError

__all__ = ["BrokerOptions"]

_MUST_LOOK_LIKE = "--url must look like amqp://USER:PASSWORD@HOST:PORT/VHOST"


@dataclass
class BrokerOptions:
    """The address and the credentials of the broker, and the token for TCP actors.

    Commas separate several hosts.
    """

    url: str | None
    user: str
    password: str
    host: str
    port: int
    token: str | None = None

    def check(self) -> None:
        """Check the address, without revealing its password in errors.

        Raises
        ------
        click.UsageError
            If the address is not that of a broker.
        """
        if self.token is not None and self.token.split() != [self.token]:
            raise click.UsageError("--token: it must be a single word.")
        try:
            if self.url is None:
                split_hosts(self.host, self.port)
                return
            urls = [self.url] if self.url.startswith("tcp:") else split_urls(self.url)
        except CluValueError as error:
            if self.url is None:
                raise click.UsageError(f"--host: {error}") from None
            raise click.UsageError(f"{_MUST_LOOK_LIKE}: {error}") from None
        for url in urls:
            self._check_url(url)

    @staticmethod
    def _check_url(url: str) -> None:
        try:
            parts = urllib.parse.urlsplit(url)
            scheme, host, _ = parts.scheme, parts.hostname, parts.port
        except ValueError:
            raise click.UsageError("The host or the port in --url is invalid.") from None
        if scheme == "tcp":
            raise click.UsageError(
                "--url is the address of a broker. Use the address of a TCP actor, "
                "tcp://HOST:PORT, instead of its name."
            )
        if scheme not in ("amqp", "amqps") or not host:
            raise click.UsageError(f"{_MUST_LOOK_LIKE}.")
